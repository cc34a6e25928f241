//! Second factors on the wire.

use serde::Serialize;

use super::Tokens;

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are the wire's")]
pub struct SecondFactorRequired {
    pub second_factor_required: bool,
    pub challenge_token: String,
    pub methods: Vec<&'static str>,
    /// Seconds.
    pub expires_in: u64,
}

#[derive(Serialize)]
pub struct SignedIn {
    #[serde(flatten)]
    pub tokens: Tokens,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_device_token: Option<String>,
}

#[derive(Serialize)]
pub struct Factor {
    pub id: String,
    pub kind: &'static str,
    pub name: Option<String>,
    pub created_at: String,
    pub last_used_at: Option<String>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are the wire's")]
pub struct Factors {
    pub factors: Vec<Factor>,
    pub recovery_codes_left: i64,
    pub trusted_devices: i64,
}

#[derive(Serialize)]
pub struct TotpEnrolment {
    pub id: String,
    pub secret: String,
    pub otpauth_uri: String,
    pub qr_svg: String,
}

#[derive(Serialize)]
pub struct RecoveryCodes {
    pub recovery_codes: Vec<String>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are the wire's")]
pub struct AccessToken {
    pub access_token: String,
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: u64,
}
