//! Routes as values: the router, the OpenAPI check and the access check are all made from one list.

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
    routing::{MethodFilter, MethodRouter, on},
};
use domain::permission::Permission;
use http::{Method, header};

use super::context::{Caller, Context};
use crate::{
    error::{Error, ErrorKind, Result},
    service,
};

/// Who may call a route. There is no default: a route cannot be written down without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Everybody, within the limit for sign-in requests from one address.
    SignIn,
    /// Whose role and credential allow this.
    Needs(Permission),
}

/// One operation.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, in axum's and OpenAPI's notation.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    handler: MethodRouter,
}

impl Route {
    /// An operation.
    pub fn new<H, T>(method: Method, path: &'static str, access: Access, handler: H) -> Self
    where
        H: axum::handler::Handler<T, ()>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        let handler = match access {
            Access::Public => on(filter, handler),
            Access::SignIn => on(filter, handler).layer(from_fn(limit_sign_in)),
            Access::Needs(permission) => {
                on(filter, handler).layer(from_fn(move |context: Context, request: Request, next: Next| {
                    require(permission, context, request, next)
                }))
            }
        };
        Self { method, path, access, handler }
    }
}

/// The router over all routes; anything else is 404 or 405 in the same envelope as every error.
pub fn router(routes: Vec<Route>) -> Router {
    routes
        .into_iter()
        .fold(Router::new(), |router, route| router.route(route.path, route.handler))
        .fallback(async || Error::new(ErrorKind::NotFound, "not_found", "Not Found"))
        .method_not_allowed_fallback(async || {
            Error::new(ErrorKind::MethodNotAllowed, "method_not_allowed", "Method Not Allowed")
        })
}

async fn require(permission: Permission, context: Context, mut request: Request, next: Next) -> Result<Response> {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| Error::unauthenticated("not_authenticated", "Not authenticated"))?;
    let caller: Caller = service::identity::authenticate(&context.platform, &context.config, token).await?;
    caller.require(permission)?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

async fn limit_sign_in(context: Context, request: Request, next: Next) -> Result<Response> {
    let address = context.client.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    service::limits::take(&context.platform, &format!("auth:{address}"), context.config.auth_limit).await?;
    Ok(next.run(request).await)
}
