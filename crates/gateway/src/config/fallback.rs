//! Settings of the provider that is asked when the first one refuses.

use domain::{Secret, Timestamp};
use ports::SettingsError;

use super::{OpenAi, money::Money, reader::Reader};

/// A second provider.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// Where it is, and its key.
    pub provider: OpenAi,
    /// The model that it is asked for; the one that the first provider was asked for if none.
    pub model: Option<String>,
}

impl Fallback {
    pub(super) async fn read(
        read: &mut Reader<'_>,
        has_first: bool,
        money: &Money,
    ) -> Result<Option<Self>, SettingsError> {
        let base_url = read.url("LITTORAL_FALLBACK_BASE_URL").await?;
        let api_key = read.text("LITTORAL_FALLBACK_API_KEY").await?.map(Secret::new);
        let model = read.text("LITTORAL_FALLBACK_MODEL").await?;
        let Some(base_url) = base_url else { return Ok(None) };
        if !has_first {
            read.refuse(
                "LITTORAL_FALLBACK_BASE_URL",
                "expected LITTORAL_OPENAI_BASE_URL to be set too: that provider is asked first",
            );
        }
        // Far in the future, so that a price that begins later counts.
        let priced = |model: &String| money.rates(model, Timestamp::from_millis(i64::MAX)).is_some();
        if money.budget.is_some() && model.as_ref().is_some_and(|model| !priced(model)) {
            read.refuse(
                "LITTORAL_FALLBACK_MODEL",
                "expected a model with a price in LITTORAL_PRICES, because there is a budget",
            );
        }
        Ok(Some(Self { provider: OpenAi { base_url, api_key }, model }))
    }
}
