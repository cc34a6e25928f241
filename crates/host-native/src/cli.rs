//! The command line: a word or two, everything else is a setting.

use crate::secrets::KeyKind;

/// What the process is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve until a signal.
    Serve,
    /// Bring the database up to date and end.
    Migrate,
    /// Say what is wrong with the settings, or what is in effect, and end.
    CheckConfig {
        /// Whether to ask the providers and the database as well.
        live: bool,
    },
    /// Put new keys into the secrets file and end; the one that signs access tokens of this kind, or of the kind of the last one.
    RotateKeys(Option<KeyKind>),
    /// Make an admin's account and end.
    CreateAdmin {
        /// Its address.
        email: String,
    },
    /// Give an account another role and end.
    SetRole {
        /// Its address.
        email: String,
        /// The role.
        role: String,
        /// Whether the operator knows that the address is its owner's.
        vouched: bool,
    },
    /// Take users over from another system and end.
    ImportUsers {
        /// The file that they are in.
        file: String,
        /// Whether only to say what would happen.
        dry_run: bool,
    },
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
}

/// What `--help` prints.
pub const HELP: &str = "\
Littoral: the whole backend of an AI chat app.

Usage:
  littoral                start the server
  littoral migrate        bring the database up to date, without starting (a start does it too)
  littoral config check   say what is wrong with the settings, or what is in effect
      --live              ask the providers for their models, and the database, too
  littoral keys rotate    put new signing keys into the secrets file; the next start takes them up
      --algorithm NAME    sign access tokens with hs256, eddsa or es256 from now on [as before]; the public keys of the last two
                          are at /.well-known/jwks.json
  littoral users create-admin EMAIL
                          make an admin's account; the password is the first line of standard input, or made and printed
  littoral users set-role EMAIL admin|user [--verified]
                          give an account a role; --verified: you know that the address is its owner's
  littoral users import [--dry-run] FILE
                          take users over, with their passwords, from CSV or JSON Lines; while the server does not run
  littoral --help | --version

Settings come from the environment, then from secrets.env in the data folder:
  LITTORAL_LISTEN             address and port [127.0.0.1:8787]; port 0 takes a free one
  LITTORAL_DATA_DIR           folder for the database, the secrets and mail [data]
  LITTORAL_PUBLIC_URL         where clients reach this server [http:// and the address above]
  LITTORAL_OPENAI_BASE_URL    an OpenAI-compatible provider, like https://api.openai.com/v1 [none: the offline model]
  LITTORAL_OPENAI_API_KEY     its key
  LITTORAL_MODEL              the model for requests that name none
  LITTORAL_MODELS             further models that requests may name, separated by commas
  LITTORAL_CORS_ORIGINS       origins that browsers may call from, separated by commas
  LITTORAL_TRUSTED_PROXIES    proxies before this server whose X-Forwarded-For is believed [0]
  LITTORAL_COUNTRY_HEADER     the header where the outermost of them writes the caller's country, like CF-IPCountry [none]
  LITTORAL_MAX_CONNECTIONS    connections at once; one network may have a quarter [10000]
  LITTORAL_MAX_COMPUTATIONS   passwords hashed at once, 19 MiB each [as many as cores]
  LITTORAL_MAX_WAITING_COMPUTATIONS
                              requests that wait for their turn; further ones get a 503 with Retry-After [256]
  LITTORAL_SHUTDOWN_SECONDS   time for requests to end after SIGTERM or Ctrl-C [10]
  LITTORAL_MAIL_API           resend, postmark or mailgun, which sends mail; with LITTORAL_MAIL_API_KEY
  LITTORAL_SMTP_URL           an SMTP server that sends mail instead, like smtp://user:password@mail.example.com:587
  LITTORAL_MAIL_FROM          who mail is from, like Littoral <hello@example.com>
  LITTORAL_MAIL_DIR           folder for mail that neither sends [mail in the data folder]
  LITTORAL_DATABASE_URL       a libSQL server instead of the file in the data folder
  LITTORAL_DATABASE_TOKEN     its token
The project's README lists all of them.
";

/// Understands the arguments after the program's name.
pub fn parse(arguments: &[String]) -> Result<Command, String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["serve"] => Ok(Command::Serve),
        ["migrate"] => Ok(Command::Migrate),
        ["config", "check"] => Ok(Command::CheckConfig { live: false }),
        ["config", "check", "--live"] => Ok(Command::CheckConfig { live: true }),
        ["keys", "rotate"] => Ok(Command::RotateKeys(None)),
        ["keys", "rotate", "--algorithm", name] => KeyKind::parse(name)
            .map(|kind| Command::RotateKeys(Some(kind)))
            .ok_or_else(|| "littoral: --algorithm takes hs256, eddsa or es256; see `littoral --help`".to_owned()),
        ["users", "create-admin", email] => Ok(Command::CreateAdmin { email: (*email).to_owned() }),
        ["users", "set-role", email, role, rest @ ..] if matches!(rest, [] | ["--verified"]) => {
            Ok(Command::SetRole { email: (*email).to_owned(), role: (*role).to_owned(), vouched: !rest.is_empty() })
        }
        ["users", "import", "--dry-run", file] | ["users", "import", file, "--dry-run"] => {
            Ok(Command::ImportUsers { file: (*file).to_owned(), dry_run: true })
        }
        ["users", "import", file] if !file.starts_with('-') => {
            Ok(Command::ImportUsers { file: (*file).to_owned(), dry_run: false })
        }
        ["--help" | "-h" | "help"] => Ok(Command::Help),
        ["--version" | "-V"] => Ok(Command::Version),
        other => Err(format!("littoral: `{}` is not a command; see `littoral --help`", other.join(" "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_understood_and_others_refused() {
        let parse = |line: &str| parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(parse(""), Ok(Command::Serve));
        assert_eq!(parse("config check"), Ok(Command::CheckConfig { live: false }));
        assert_eq!(parse("config check --live"), Ok(Command::CheckConfig { live: true }));
        assert!(parse("config").is_err() && parse("config check --dead").is_err());
        assert_eq!(parse("keys rotate"), Ok(Command::RotateKeys(None)));
        assert_eq!(parse("keys rotate --algorithm eddsa"), Ok(Command::RotateKeys(Some(KeyKind::EdDsa))));
        assert!(parse("keys rotate --algorithm rs256").unwrap_err().contains("eddsa"));
        assert_eq!(parse("--version"), Ok(Command::Version));
        assert_eq!(parse("users create-admin a@b.cd"), Ok(Command::CreateAdmin { email: "a@b.cd".into() }));
        let set_role = |vouched| Command::SetRole { email: "a@b.cd".into(), role: "admin".into(), vouched };
        assert_eq!(parse("users set-role a@b.cd admin"), Ok(set_role(false)));
        assert_eq!(parse("users set-role a@b.cd admin --verified"), Ok(set_role(true)));
        assert!(parse("users set-role a@b.cd admin --force").is_err());
        let import = |dry_run| Ok(Command::ImportUsers { file: "users.csv".into(), dry_run });
        assert_eq!(parse("users import users.csv"), import(false));
        assert_eq!(parse("users import --dry-run users.csv"), import(true));
        assert_eq!(parse("users import users.csv --dry-run"), import(true));
        assert!(parse("users import").is_err() && parse("users import --dry-run").is_err());
        assert!(parse("keys").unwrap_err().contains("--help"));
        assert!(parse("migrate now").is_err());
    }
}
