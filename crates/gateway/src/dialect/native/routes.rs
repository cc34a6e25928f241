//! The list of operations.

use http::Method;

use super::{auth, completions, conversations, messages, runs};
use crate::http::{
    docs, health, openapi,
    route::{Access, Route},
};

/// All operations of this surface.
pub fn all() -> Vec<Route> {
    use Access::{Public, SignIn, User};
    let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
    vec![
        Route::new(get.clone(), "/", Public, health::root),
        Route::new(get.clone(), "/api/v1/health", Public, health::live),
        Route::new(get.clone(), "/api/v1/health/ready", Public, health::ready),
        Route::new(get.clone(), "/api/v1/health/db", Public, health::database),
        Route::new(get.clone(), "/openapi.json", Public, openapi::document),
        Route::new(get.clone(), "/docs", Public, docs::page),
        Route::new(get.clone(), "/docs/{file}", Public, docs::file),
        Route::new(post.clone(), "/api/v1/auth/register", SignIn, auth::register),
        Route::new(post.clone(), "/api/v1/auth/login", SignIn, auth::login),
        Route::new(post.clone(), "/api/v1/auth/refresh", SignIn, auth::refresh),
        Route::new(get.clone(), "/api/v1/auth/me", User, auth::me),
        Route::new(post.clone(), "/api/v1/auth/logout", User, auth::logout),
        Route::new(post.clone(), "/api/v1/ai/complete", User, completions::create),
        Route::new(post.clone(), "/api/v1/chat/conversations", User, conversations::create),
        Route::new(get.clone(), "/api/v1/chat/conversations", User, conversations::list),
        Route::new(get.clone(), "/api/v1/chat/conversations/{id}", User, conversations::read),
        Route::new(patch, "/api/v1/chat/conversations/{id}", User, conversations::rename),
        Route::new(delete, "/api/v1/chat/conversations/{id}", User, conversations::delete),
        Route::new(post.clone(), "/api/v1/chat/conversations/{id}/messages", User, messages::send),
        Route::new(get.clone(), "/api/v1/chat/conversations/{id}/messages", User, messages::history),
        Route::new(get.clone(), "/api/v1/runs/{id}", User, runs::read),
        Route::new(get, "/api/v1/runs/{id}/stream", User, runs::stream),
        Route::new(post, "/api/v1/runs/{id}/stop", User, runs::stop),
    ]
}
