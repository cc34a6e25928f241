//! The schemas of second factors against what is sent and read.

use super::shapes::{same_fields, schema};
use crate::{
    config::MAX_PROVIDER_NAME,
    dialect::native::wire::{
        Tokens,
        second_factors::{AccessToken, Factor, Factors, RecoveryCodes, SecondFactorRequired, SignedIn, TotpEnrolment},
    },
    service::{
        id_tokens, passwords,
        second_factors::{challenges, enrolment, proof::MAX_CODE, trusted_devices},
    },
};

#[test]
fn responses_have_the_fields_of_the_wire() {
    let text = String::new;
    let tokens = Tokens { access_token: text(), refresh_token: text(), token_type: "bearer", expires_in: 1 };
    same_fields("SignedIn", &SignedIn { tokens, trusted_device_token: Some(text()) }, &["trusted_device_token"]);
    let required = SecondFactorRequired {
        second_factor_required: true,
        challenge_token: text(),
        methods: Vec::new(),
        expires_in: 1,
    };
    same_fields("SecondFactorRequired", &required, &[]);
    let factor = Factor { id: text(), kind: "totp", name: None, created_at: text(), last_used_at: None };
    same_fields("Factor", &factor, &[]);
    same_fields("Factors", &Factors { factors: vec![factor], recovery_codes_left: 0, trusted_devices: 0 }, &[]);
    let enrolment = TotpEnrolment { id: text(), secret: text(), otpauth_uri: text(), qr_svg: text() };
    same_fields("TotpEnrolment", &enrolment, &[]);
    same_fields("RecoveryCodes", &RecoveryCodes { recovery_codes: Vec::new() }, &[]);
    same_fields("AccessToken", &AccessToken { access_token: text(), token_type: "bearer", expires_in: 1 }, &[]);
}

#[test]
fn limits_are_the_ones_that_are_kept() {
    for (name, field, most) in [
        ("Credentials", "trusted_device_token", trusted_devices::MAX_TOKEN),
        ("FactorCode", "code", MAX_CODE),
        ("NewTotp", "name", enrolment::MAX_NAME),
        ("NewTotp", "password", passwords::MAX_CHARACTERS),
        ("NewTotp", "provider", MAX_PROVIDER_NAME),
        ("NewTotp", "id_token", id_tokens::MAX_TOKEN),
        ("NewTotp", "nonce", id_tokens::MAX_NONCE),
        ("SecondFactorAnswer", "challenge_token", challenges::MAX_TOKEN),
        ("SecondFactorAnswer", "code", MAX_CODE),
        ("SecondFactorAnswer", "recovery_code", MAX_CODE),
        ("StepUp", "password", passwords::MAX_CHARACTERS),
        ("StepUp", "code", MAX_CODE),
        ("StepUp", "recovery_code", MAX_CODE),
        ("StepUp", "provider", MAX_PROVIDER_NAME),
        ("StepUp", "id_token", id_tokens::MAX_TOKEN),
        ("StepUp", "nonce", id_tokens::MAX_NONCE),
    ] {
        let field_schema = schema(name)["properties"][field].clone();
        assert_eq!(
            (&field_schema["minLength"], &field_schema["maxLength"]),
            (&1.into(), &most.into()),
            "{name} {field}"
        );
    }
}
