//! Settings from vars (`wrangler.toml`) and secrets (`wrangler secret put`, or `.dev.vars` in development).

use async_trait::async_trait;
use ports::{Settings, SettingsError};
use wasm_bindgen::{JsCast as _, JsValue};
use worker::Env;

/// The Worker's vars and secrets, which share one name space. An empty value counts as unset.
pub struct Vars(pub Env);

impl Vars {
    /// The names of all that look like settings.
    pub fn names(&self) -> Vec<String> {
        let env: &js_sys::Object = self.0.unchecked_ref();
        js_sys::Object::keys(env)
            .iter()
            .filter_map(|key| key.as_string())
            .filter(|name| name.starts_with("LITTORAL_"))
            .collect()
    }
}

#[async_trait]
impl Settings for Vars {
    async fn get(&self, name: &str) -> Result<Option<String>, SettingsError> {
        let value = js_sys::Reflect::get(&self.0, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED);
        if value.is_null() || value.is_undefined() {
            return Ok(None);
        }
        match value.as_string() {
            Some(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            None => Err(SettingsError(format!("{name}: expected text; put the value in quotes in wrangler.toml"))),
        }
    }
}
