//! The list of operations.

use domain::permission::Permission;
use http::Method;

use super::{
    admin, api_keys, auth, completions, conversations, email_addresses, export, guests, identities, jwks, messages,
    models, passwords, runs, second_factors, sessions, users,
};
use crate::http::{
    docs, health, link_pages, openapi,
    route::{Access, Route},
};

/// All operations of this surface.
pub fn all() -> Vec<Route> {
    use Access::{Needs, Public, Sensitive, SignIn};
    use Permission::{Chat, ManageAccount, ManageKeys, ManageUsers, ReadAccount, ReadAudit, ReadUsers};

    let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
    vec![
        Route::new(get.clone(), "/", Public, health::root),
        Route::new(get.clone(), "/api/v1/health", Public, health::live),
        Route::new(get.clone(), "/api/v1/health/ready", Public, health::ready),
        Route::new(get.clone(), "/api/v1/health/db", Public, health::database),
        Route::new(get.clone(), "/openapi.json", Public, openapi::document),
        Route::new(get.clone(), "/.well-known/jwks.json", Public, jwks::read),
        Route::new(get.clone(), "/docs", Public, docs::page),
        Route::new(get.clone(), "/docs/{file}", Public, docs::file),
        Route::new(get.clone(), "/verify-email", Public, link_pages::page),
        Route::new(get.clone(), "/confirm-email", Public, link_pages::page),
        Route::new(get.clone(), "/reset-password", Public, link_pages::page),
        Route::new(get.clone(), "/restore-email", Public, link_pages::page),
        Route::new(get.clone(), "/remove-second-factor", Public, link_pages::page),
        Route::new(post.clone(), "/api/v1/auth/register", SignIn, auth::register),
        Route::new(post.clone(), "/api/v1/auth/login", SignIn, auth::login),
        Route::new(post.clone(), "/api/v1/auth/login/second-factor", SignIn, second_factors::answer),
        Route::new(post.clone(), "/api/v1/auth/refresh", SignIn, auth::refresh),
        Route::new(get.clone(), "/api/v1/auth/me", Needs(ReadAccount), auth::me),
        Route::new(post.clone(), "/api/v1/auth/guest", SignIn, guests::create),
        Route::new(post.clone(), "/api/v1/auth/guest/upgrade", Sensitive(ManageAccount), guests::upgrade),
        Route::new(post.clone(), "/api/v1/auth/oidc/{provider}", SignIn, identities::sign_in),
        Route::new(get.clone(), "/api/v1/auth/identities", Needs(ReadAccount), identities::list),
        Route::new(post.clone(), "/api/v1/auth/identities/{provider}", Sensitive(ManageAccount), identities::link),
        Route::new(delete.clone(), "/api/v1/auth/identities/{provider}", Sensitive(ManageAccount), identities::unlink),
        Route::new(post.clone(), "/api/v1/auth/logout", Needs(ManageAccount), sessions::logout).with_query(&["scope"]),
        Route::new(get.clone(), "/api/v1/auth/sessions", Needs(ReadAccount), sessions::list),
        Route::new(delete.clone(), "/api/v1/auth/sessions/{id}", Needs(ManageAccount), sessions::end),
        Route::new(get.clone(), "/api/v1/auth/events", Needs(ReadAccount), sessions::events)
            .with_query(&["limit", "cursor"]),
        Route::new(post.clone(), "/api/v1/auth/password/change", Sensitive(ManageAccount), passwords::change),
        Route::new(post.clone(), "/api/v1/auth/password/forgot", SignIn, passwords::forgot),
        Route::new(post.clone(), "/api/v1/auth/password/reset", SignIn, passwords::reset),
        Route::new(post.clone(), "/api/v1/auth/email/verify", SignIn, email_addresses::verify),
        Route::new(post.clone(), "/api/v1/auth/email/resend", SignIn, email_addresses::resend),
        Route::new(post.clone(), "/api/v1/auth/email/change", Sensitive(ManageAccount), email_addresses::change),
        Route::new(post.clone(), "/api/v1/auth/email/confirm", Needs(ManageAccount), email_addresses::confirm),
        Route::new(post.clone(), "/api/v1/auth/email/restore", SignIn, email_addresses::restore),
        Route::new(post.clone(), "/api/v1/auth/api-keys", Sensitive(ManageKeys), api_keys::create),
        Route::new(get.clone(), "/api/v1/auth/api-keys", Needs(ManageAccount), api_keys::list),
        Route::new(delete.clone(), "/api/v1/auth/api-keys/{id}", Needs(ManageAccount), api_keys::revoke),
        Route::new(get.clone(), "/api/v1/admin/users", Needs(ReadUsers), admin::list)
            .with_query(&["query", "role", "standing", "limit", "cursor"]),
        Route::new(post.clone(), "/api/v1/admin/users", Needs(ManageUsers), admin::create),
        Route::new(get.clone(), "/api/v1/admin/users/{id}", Needs(ReadUsers), admin::read),
        Route::new(patch.clone(), "/api/v1/admin/users/{id}", Needs(ManageUsers), admin::change),
        Route::new(delete.clone(), "/api/v1/admin/users/{id}", Needs(ManageUsers), admin::delete),
        Route::new(delete.clone(), "/api/v1/admin/users/{id}/sessions", Needs(ManageUsers), admin::end_sessions),
        Route::new(delete.clone(), "/api/v1/admin/users/{id}/api-keys", Needs(ManageUsers), admin::revoke_keys),
        Route::new(delete.clone(), "/api/v1/admin/users/{id}/factors", Needs(ManageUsers), admin::remove_factors),
        Route::new(get.clone(), "/api/v1/admin/audit", Needs(ReadAudit), admin::audit)
            .with_query(&["user", "action", "limit", "cursor"]),
        Route::new(post.clone(), "/api/v1/auth/step-up", Sensitive(ManageAccount), second_factors::step_up),
        Route::new(get.clone(), "/api/v1/auth/factors", Needs(ReadAccount), second_factors::list),
        Route::new(post.clone(), "/api/v1/auth/factors/undo", SignIn, second_factors::undo),
        Route::new(post.clone(), "/api/v1/auth/factors/totp", Sensitive(ManageAccount), second_factors::begin_totp),
        Route::new(
            post.clone(),
            "/api/v1/auth/factors/totp/confirm",
            Sensitive(ManageAccount),
            second_factors::confirm_totp,
        ),
        Route::new(delete.clone(), "/api/v1/auth/factors/{id}", Sensitive(ManageAccount), second_factors::remove),
        Route::new(post.clone(), "/api/v1/auth/recovery-codes", Sensitive(ManageAccount), second_factors::renew_codes),
        Route::new(delete.clone(), "/api/v1/auth/trusted-devices", Needs(ManageAccount), second_factors::distrust_all),
        Route::new(get.clone(), "/api/v1/users/me", Needs(ReadAccount), users::read),
        Route::new(patch.clone(), "/api/v1/users/me", Needs(ManageAccount), users::update),
        Route::new(delete.clone(), "/api/v1/users/me", Sensitive(ManageAccount), users::delete),
        Route::new(post.clone(), "/api/v1/users/me/deletion/cancel", Needs(ManageAccount), users::cancel_deletion),
        Route::new(get.clone(), "/api/v1/users/me/settings", Needs(ReadAccount), users::read_settings),
        Route::new(patch.clone(), "/api/v1/users/me/settings", Needs(ManageAccount), users::update_settings),
        Route::new(get.clone(), "/api/v1/users/me/export", Needs(ManageAccount), export::read),
        Route::new(get.clone(), "/api/v1/models", Needs(Chat), models::list),
        Route::new(post.clone(), "/api/v1/ai/complete", Needs(Chat), completions::create).with_own_limit(),
        Route::new(post.clone(), "/api/v1/chat/conversations", Needs(Chat), conversations::create),
        Route::new(get.clone(), "/api/v1/chat/conversations", Needs(Chat), conversations::list)
            .with_query(&["limit", "skip", "cursor"]),
        Route::new(get.clone(), "/api/v1/chat/conversations/{id}", Needs(Chat), conversations::read),
        Route::new(patch, "/api/v1/chat/conversations/{id}", Needs(Chat), conversations::rename),
        Route::new(delete.clone(), "/api/v1/chat/conversations/{id}", Needs(Chat), conversations::delete),
        Route::new(post.clone(), "/api/v1/chat/conversations/{id}/messages", Needs(Chat), messages::send)
            .with_own_limit(),
        Route::new(get.clone(), "/api/v1/chat/conversations/{id}/messages", Needs(Chat), messages::history)
            .with_query(&["limit", "skip", "cursor", "order"]),
        Route::new(
            post.clone(),
            "/api/v1/chat/conversations/{id}/messages/{message_id}/regenerate",
            Needs(Chat),
            messages::regenerate,
        )
        .with_own_limit(),
        Route::new(get.clone(), "/api/v1/runs/{id}", Needs(Chat), runs::read),
        Route::new(delete, "/api/v1/runs/{id}", Needs(Chat), runs::delete),
        Route::new(get, "/api/v1/runs/{id}/stream", Needs(Chat), runs::stream).with_query(&["after"]),
        Route::new(post, "/api/v1/runs/{id}/stop", Needs(Chat), runs::stop),
    ]
}
