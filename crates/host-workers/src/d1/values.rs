//! Values between the ports and JavaScript.

use js_sys::{Array, Object, Uint8Array};
use ports::{DatabaseError, DatabaseErrorKind, Row, Value};
use serde::{Deserialize, Deserializer};
use wasm_bindgen::{JsCast as _, JsValue};
use worker::d1::serde_wasm_bindgen::preserve;

/// Integers beyond this are not exact in JavaScript.
const EXACT: i64 = 1 << 53;

/// A parameter as D1 takes it. It refuses `undefined` and `BigInt`, so integers go as numbers.
pub fn parameter(value: &Value) -> Result<JsValue, DatabaseError> {
    match value {
        Value::Null => Ok(JsValue::NULL),
        #[expect(clippy::cast_precision_loss, reason = "checked to be exact")]
        Value::Integer(n) if (-EXACT..=EXACT).contains(n) => Ok(JsValue::from_f64(*n as f64)),
        Value::Integer(_) => Err(fault("an integer beyond 2^53 cannot be bound: D1 would round it")),
        Value::Real(x) if x.is_finite() => Ok(JsValue::from_f64(*x)),
        Value::Real(_) => Err(fault("a real that is not finite cannot be bound")),
        Value::Text(text) => Ok(JsValue::from_str(text)),
        Value::Blob(bytes) => Ok(Uint8Array::from(bytes.as_slice()).into()),
    }
}

/// A row that came as an array.
pub fn positional(row: JsValue) -> Result<Row, DatabaseError> {
    values(&row.dyn_into().map_err(|_| fault("D1 returned a row that is no array"))?)
}

/// A row that came as an object: its values are in the order of the columns.
pub struct Named(Object);

impl Named {
    /// The values by position.
    pub fn into_row(self) -> Result<Row, DatabaseError> {
        values(&Object::values(&self.0))
    }
}

/// As it is, not copied into Rust by way of serde.
impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        preserve::deserialize(deserializer).map(Self)
    }
}

fn values(row: &Array) -> Result<Row, DatabaseError> {
    row.iter().map(|value| read(&value)).collect::<Result<_, _>>().map(Row)
}

fn read(value: &JsValue) -> Result<Value, DatabaseError> {
    if value.is_null() || value.is_undefined() {
        Ok(Value::Null)
    } else if let Some(number) = value.as_f64() {
        Ok(of_number(number))
    } else if let Some(text) = value.as_string() {
        Ok(Value::Text(text))
    } else if value.is_object() {
        // An array of numbers; a buffer would do as well.
        Ok(Value::Blob(Uint8Array::new(value).to_vec()))
    } else {
        Err(fault("D1 returned a value of an unknown type"))
    }
}

fn of_number(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and exact")]
    if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 {
        Value::Integer(number as i64)
    } else {
        Value::Real(number)
    }
}

fn fault(detail: &str) -> DatabaseError {
    DatabaseError::new(DatabaseErrorKind::Other, detail)
}
