//! Faults of the stores that this host has: the embedded database, and libSQL over HTTP.

use std::{sync::Arc, time::Duration};

use adapters::Hrana;
use host_native::{data_dir::DataDir, libsql::LibSql};
use ports::Database;
use testkit::{PlainHttp, Sqld, TokioTasks};
use tests::{Api, renewals};

#[tokio::test(flavor = "multi_thread")]
async fn renewals_that_fail_for_three_leases_end_no_reply_beside_the_embedded_database() {
    let data = tempfile::tempdir().expect("a folder");
    let database = LibSql::open(&DataDir::open(data.path()).expect("the folder")).expect("the database");
    let processes = Api::over(vec![Arc::new(database)]).await;
    renewals::are_outlived(&processes[0], &processes[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_that_fail_for_three_leases_end_no_reply_beside_a_libsql_server_and_another_process() {
    let server = match Sqld::start() {
        Ok(server) => server,
        Err(error) => panic!("{error}"),
    };
    let connect = || -> Arc<dyn Database> {
        let tasks = Arc::new(TokioTasks::default());
        let database = Hrana::new(&server.url(), None, Arc::new(PlainHttp), tasks, Duration::from_secs(30));
        Arc::new(database.expect("a connection"))
    };
    let processes = Api::over(vec![connect(), connect()]).await;
    renewals::are_outlived(&processes[0], &processes[1]).await;
}
