//! The scripted upstream in the place of a mail service: a message's calls have the id `mail:` and its recipient, so that a
//! test finds its own among thousands.

use serde_json::Value;

use super::form::field;

/// The id of a message: of `to` (Resend), `To` (Postmark), or a form's `to` (Mailgun).
pub fn id(body: &[u8]) -> String {
    format!("mail:{}", recipient(body).to_lowercase())
}

fn recipient(body: &[u8]) -> String {
    let Ok(message) = serde_json::from_slice::<Value>(body) else {
        return field(body, "to");
    };
    let to = [&message["to"][0], &message["to"], &message["To"]].into_iter().find_map(Value::as_str);
    to.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::id;

    #[test]
    fn every_services_form_names_its_recipient() {
        for body in [
            r#"{"to":["Ada+1@example.com"]}"#,
            r#"{"to":"ada+1@example.com"}"#,
            r#"{"To":"ada+1@example.com"}"#,
            "from=x&to=ada%2B1%40example.com&text=a",
        ] {
            assert_eq!(id(body.as_bytes()), "mail:ada+1@example.com", "{body}");
        }
        assert_eq!(id(b"nonsense"), "mail:");
    }
}
