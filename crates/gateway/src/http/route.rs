//! Routes as values: the router, the OpenAPI check and the access check are all made from one list.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
    routing::{MethodFilter, MethodRouter, on},
};
use domain::permission::Permission;
use http::{HeaderMap, Method, header};
use ports::BoxFuture;

use super::{
    context::{Caller, Context},
    query::Query,
};
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
    /// The same within the limit of what is sensitive: how a user signs in, and what may be guessed at.
    Sensitive(Permission),
}

impl Access {
    /// What is asked for, if anything is.
    pub const fn permission(self) -> Option<Permission> {
        match self {
            Self::Public | Self::SignIn => None,
            Self::Needs(permission) | Self::Sensitive(permission) => Some(permission),
        }
    }
}

/// Which of the caller's buckets a request takes one from, before its handler runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit {
    /// None here: the request changes nothing, or its handler takes from a bucket of its own.
    None,
    /// The one of all changes.
    Writes,
    /// The one of this sensitive operation.
    Sensitive(String),
}

/// One operation.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, in axum's and OpenAPI's notation.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// The query parameters that it reads; others are refused. `None`: it reads none and ignores all, as documents and
    /// health checks do, to which caches and monitors add some of their own.
    pub parameters: Option<&'static [&'static str]>,
    /// Whether its handler takes from a bucket of its own.
    has_own_limit: bool,
    handler: MethodRouter,
}

/// A handler whose type is forgotten. axum's layers are generic: made for each handler apart, they are 17 KB of compressed Wasm.
type Handler = Arc<dyn Fn(Request) -> BoxFuture<Response> + Send + Sync>;

impl Route {
    /// An operation without query parameters.
    pub fn new<H, T>(method: Method, path: &'static str, access: Access, handler: H) -> Self
    where
        H: axum::handler::Handler<T, ()>,
        T: 'static,
    {
        Self::boxed(method, path, access, Arc::new(move |request| Box::pin(handler.clone().call(request, ()))))
    }

    fn boxed(method: Method, path: &'static str, access: Access, handler: Handler) -> Self {
        let handler = move |request: Request| handler(request);
        // What the router does not know is answered by nothing, and the test of all routes fails.
        let handler =
            MethodFilter::try_from(method.clone()).map_or_else(|_| MethodRouter::new(), |filter| on(filter, handler));
        let parameters: Option<&[&str]> = (access != Access::Public).then_some(&[]);
        Self { method, path, access, parameters, has_own_limit: false, handler }
    }

    /// The same with these query parameters.
    #[must_use]
    pub fn with_query(self, names: &'static [&'static str]) -> Self {
        Self { parameters: Some(names), ..self }
    }

    /// The same for a handler that takes from a bucket of its own, in place of the one of all changes.
    #[must_use]
    pub fn with_own_limit(self) -> Self {
        Self { has_own_limit: true, ..self }
    }

    /// What limits a caller of it. Whatever may change something is limited unless it says otherwise.
    pub fn limit(&self) -> Limit {
        match self.access {
            Access::Public | Access::SignIn => Limit::None,
            Access::Sensitive(_) => Limit::Sensitive(format!("{} {}", self.method, self.path)),
            Access::Needs(_) if self.has_own_limit || self.method.is_safe() => Limit::None,
            Access::Needs(_) => Limit::Writes,
        }
    }

    /// Its handler behind its checks: who calls goes before what is asked.
    fn guarded(self) -> MethodRouter {
        let limit = self.limit();
        let mut handler = self.handler;
        if let Some(names) = self.parameters {
            handler = handler.layer(from_fn(move |request, next| check_query(names, request, next)));
        }
        match self.access {
            Access::Public => handler,
            Access::SignIn => handler.layer(from_fn(limit_sign_in)),
            Access::Needs(permission) | Access::Sensitive(permission) => {
                handler.layer(from_fn(move |context: Context, request: Request, next: Next| {
                    require(permission, limit.clone(), context, request, next)
                }))
            }
        }
    }
}

/// The router over all routes; anything else is 404 or 405 in the same envelope as every error.
pub fn router(routes: Vec<Route>) -> Router {
    routes
        .into_iter()
        .fold(Router::new(), |router, route| router.route(route.path, route.guarded()))
        .fallback(async || Error::new(ErrorKind::NotFound, "not_found", "Not Found"))
        .method_not_allowed_fallback(async || {
            Error::new(ErrorKind::MethodNotAllowed, "method_not_allowed", "Method Not Allowed")
        })
}

/// Lets a request through whose query has no other parameters than these.
async fn check_query(names: &'static [&'static str], request: Request, next: Next) -> Result<Response> {
    Query::of(request.uri()).demand_known(names)?;
    Ok(next.run(request).await)
}

/// Lets a caller through who has a permission and is within the limit.
async fn require(
    permission: Permission,
    limit: Limit,
    context: Context,
    mut request: Request,
    next: Next,
) -> Result<Response> {
    let token = credential(request.headers())
        .ok_or_else(|| Error::unauthenticated("not_authenticated", "Not authenticated"))?;
    let caller: Caller = service::identity::authenticate(&context.platform, &context.config, token).await?;
    caller.require(permission)?;
    caller.require_verified(&context.config, permission)?;
    let (platform, config) = (&context.platform, &context.config);
    match limit {
        Limit::None => {}
        Limit::Writes => service::limits::take_write(platform, config, caller.user).await?,
        Limit::Sensitive(operation) => service::limits::sensitive(platform, config, caller.user, &operation).await?,
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The access token or API key of a request: the bearer, or else what clients of other services send a key in.
fn credential(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then_some(token.trim());
    }
    KEY_HEADERS.into_iter().find_map(text).map(str::trim)
}

/// Anthropic's and Google's, whose clients know no bearer.
const KEY_HEADERS: [&str; 2] = ["x-api-key", "x-goog-api-key"];

async fn limit_sign_in(context: Context, request: Request, next: Next) -> Result<Response> {
    let network = service::limits::network(context.client.address);
    service::limits::take(&context.platform, &format!("auth:{network}"), context.config.auth_limit).await?;
    let response = next.run(request).await;
    service::chores::begin_if_time(&context.platform, &context.config);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::routes;

    /// Every operation that asks for no permission. Whoever adds a line here says with it: this tells nobody anything that is not
    /// everybody's, and changes nothing that is somebody's without proof of who they are.
    const OPEN: &[(&str, Access)] = &[
        ("GET /", Access::Public),
        ("GET /api/v1/health", Access::Public),
        ("GET /api/v1/health/ready", Access::Public),
        ("GET /api/v1/health/db", Access::Public),
        ("GET /openapi.json", Access::Public),
        ("GET /.well-known/jwks.json", Access::Public),
        ("GET /docs", Access::Public),
        ("GET /docs/{file}", Access::Public),
        // They hold nothing; what their script does wants the token of a mail.
        ("GET /verify-email", Access::Public),
        ("GET /confirm-email", Access::Public),
        ("GET /reset-password", Access::Public),
        ("GET /restore-email", Access::Public),
        ("GET /remove-second-factor", Access::Public),
        ("POST /api/v1/auth/register", Access::SignIn),
        ("POST /api/v1/auth/login", Access::SignIn),
        ("POST /api/v1/auth/login/second-factor", Access::SignIn),
        ("POST /api/v1/auth/refresh", Access::SignIn),
        // Always the same answer; what it comes to is mailed to the owner of the address.
        ("POST /api/v1/auth/password/forgot", Access::SignIn),
        ("POST /api/v1/auth/email/resend", Access::SignIn),
        // The token of a mail is the proof.
        ("POST /api/v1/auth/password/reset", Access::SignIn),
        ("POST /api/v1/auth/email/verify", Access::SignIn),
        ("POST /api/v1/auth/email/restore", Access::SignIn),
        ("POST /api/v1/auth/factors/undo", Access::SignIn),
        ("POST /api/v1/auth/guest", Access::SignIn),
        ("POST /api/v1/auth/oidc/{provider}", Access::SignIn),
    ];

    #[test]
    fn every_route_asks_for_a_permission_but_for_the_ones_named_here() {
        let open: Vec<_> = routes()
            .iter()
            .filter(|route| route.access.permission().is_none())
            .map(|route| (format!("{} {}", route.method, route.path), route.access))
            .collect();
        for (name, access) in &open {
            assert!(OPEN.contains(&(name, *access)), "{name} is open ({access:?}) and was not reviewed");
        }
        for (name, access) in OPEN {
            assert!(open.contains(&((*name).to_owned(), *access)), "{name} is no longer there or no longer open");
        }
    }

    #[test]
    fn what_only_admins_may_is_asked_for_under_admin_and_nowhere_else() {
        let of_admins = [Permission::ReadUsers, Permission::ManageUsers, Permission::ReadAudit];
        for route in routes() {
            let asks = route.access.permission().is_some_and(|permission| of_admins.contains(&permission));
            assert_eq!(asks, route.path.starts_with("/api/v1/admin/"), "{} {}", route.method, route.path);
        }
    }

    /// Every operation that changes something and is not limited with the other changes.
    const LIMITED_APART: [&str; 3] = [
        "POST /api/v1/ai/complete",
        "POST /api/v1/chat/conversations/{id}/messages",
        "POST /api/v1/chat/conversations/{id}/messages/{message_id}/regenerate",
    ];

    #[test]
    fn every_change_by_who_is_signed_in_has_a_limit() {
        let without: Vec<_> = routes()
            .iter()
            .filter(|route| route.access.permission().is_some() && !route.method.is_safe())
            .filter(|route| route.limit() == Limit::None)
            .map(|route| format!("{} {}", route.method, route.path))
            .collect();
        assert_eq!(without, LIMITED_APART);
    }

    #[test]
    fn the_router_knows_the_method_of_every_route() {
        for route in routes() {
            assert!(MethodFilter::try_from(route.method.clone()).is_ok(), "{} {}", route.method, route.path);
        }
    }

    #[test]
    fn a_method_that_the_router_does_not_know_answers_no_get() {
        let purge = Method::from_bytes(b"PURGE").unwrap();
        let mut router = router(vec![Route::new(purge, "/x", Access::Public, async || "x")]);
        let request = Request::builder().uri("/x").body(axum::body::Body::empty()).unwrap();
        let response = tower_service::Service::call(&mut router, request).now_or_never().unwrap().unwrap();
        assert_eq!(response.status(), 405);
    }

    #[test]
    fn a_bearer_goes_before_the_headers_of_others_and_nothing_else_is_a_credential() {
        let read = |list: &[(&'static str, &'static str)]| {
            let headers = list.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            credential(&headers.collect()).map(str::to_owned)
        };
        assert_eq!(read(&[("authorization", "bearer a"), ("x-api-key", "b")]).as_deref(), Some("a"));
        assert_eq!(read(&[("x-api-key", " b ")]).as_deref(), Some("b"));
        assert_eq!(read(&[("x-goog-api-key", "c")]).as_deref(), Some("c"));
        assert_eq!(read(&[("authorization", "Basic YTpi"), ("x-api-key", "b")]), None);
        assert_eq!(read(&[("authorization", "lit_x")]), None);
        assert_eq!(read(&[]), None);
    }
}
