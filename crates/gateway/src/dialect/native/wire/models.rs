//! Models as JSON.

use serde::Serialize;

#[derive(Serialize)]
pub struct Model {
    pub id: String,
}

#[derive(Serialize)]
pub struct Models {
    pub models: Vec<Model>,
    pub default_model: String,
}
