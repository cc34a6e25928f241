//! Settings of prices and budgets.

use domain::{
    Timestamp,
    money::{NanoUsd, Prices, Rates},
};
use ports::SettingsError;

use super::{OFFLINE_MODEL, reader::Reader};

/// Prices and budgets.
#[derive(Clone, Debug, Default)]
pub struct Money {
    /// What models cost.
    pub prices: Prices,
    /// What a user may use in a calendar month (UTC), if that is limited.
    pub budget: Option<NanoUsd>,
    /// The most tokens of a reply whose request names no limit. With a budget it is sent to the provider.
    pub max_output_tokens: u32,
}

impl Money {
    pub(super) async fn read(read: &mut Reader<'_>) -> Result<Self, SettingsError> {
        let prices = match read.text("LITTORAL_PRICES").await? {
            None => Prices::default(),
            Some(text) => Prices::parse(&text).unwrap_or_else(|bad| {
                let expected = format!(
                    "expected rows `model=input/output` or `model=input/output/cache_read/cache_write/reasoning` in US dollars per million tokens, \
                     separated by commas, from a day on as `model@2026-01-31=…`, each model and day once; {bad} is none"
                );
                read.refuse("LITTORAL_PRICES", &expected);
                Prices::default()
            }),
        };
        let budget = match read.text("LITTORAL_BUDGET_USD").await? {
            None => None,
            Some(text) => {
                let budget = NanoUsd::parse_usd(&text);
                if budget.is_none() {
                    read.refuse("LITTORAL_BUDGET_USD", "expected US dollars from 0 to 1000000, like 5 or 0.50");
                }
                budget
            }
        };
        let max_output_tokens = read.number("LITTORAL_MAX_OUTPUT_TOKENS", 4_096, 1..=1_000_000).await?;
        Ok(Self { prices, budget, max_output_tokens })
    }

    /// What a model costs at a time; none if it has no price. The built-in one is free.
    pub fn rates(&self, model: &str, at: Timestamp) -> Option<Rates> {
        if model == OFFLINE_MODEL { Some(Rates::FREE) } else { self.prices.of(model, at) }
    }
}
