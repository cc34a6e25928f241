//! Second factors: what a user proves besides the password.

pub mod qr;
pub mod recovery_codes;
pub mod totp;
