//! Which database: Spin's own, or a libSQL server over HTTP when the settings name one.

use std::{sync::Arc, time::Duration};

use adapters::{Hrana, HranaError};
use domain::Secret;
use gateway::ConfigError;
use ports::{Database, DatabaseError, Settings, Tasks};

use crate::{http::SpinHttp, sqlite::SpinSqlite};

/// How long the server may take to be connected, and to answer.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(15);

/// The libSQL server of `LITTORAL_DATABASE_URL`, if that is set.
pub async fn remote(settings: &dyn Settings, tasks: Arc<dyn Tasks>) -> Result<Option<Arc<dyn Database>>, ConfigError> {
    let Some(url) = settings.get("LITTORAL_DATABASE_URL").await? else { return Ok(None) };
    let token = settings.get("LITTORAL_DATABASE_TOKEN").await?.map(Secret::new);
    let hrana = Hrana::new(url.trim(), token, Arc::new(SpinHttp::new(CONNECT)), tasks, ANSWER).map_err(|error| {
        let name = match error {
            HranaError::Url | HranaError::Plain => "LITTORAL_DATABASE_URL",
            HranaError::Token => "LITTORAL_DATABASE_TOKEN",
        };
        ConfigError(vec![format!("{name}: {error}")])
    })?;
    Ok(Some(Arc::new(hrana)))
}

/// Spin's own.
pub async fn own() -> Result<Arc<dyn Database>, DatabaseError> {
    Ok(Arc::new(SpinSqlite::open().await?))
}
