use futures_util::FutureExt as _;

use super::*;

#[test]
fn the_nearest_name_is_one_that_differs_in_few_letters() {
    let known = || ["LITTORAL_LISTEN", "LITTORAL_TRUSTED_PROXIES"].into_iter();
    assert_eq!(nearest("LITTORAL_LISTENN", known()), Some("LITTORAL_LISTEN"));
    assert_eq!(nearest("LITTORAL_TRUSTED_PROXY", known()), Some("LITTORAL_TRUSTED_PROXIES"));
    assert_eq!(nearest("LITTORAL_TRUST_PROXYS", known()), None);
    assert_eq!(nearest("LITTORAL_LISTEN", std::iter::empty()), None);
}

#[test]
fn what_nobody_asked_for_is_named_with_what_may_have_been_meant() {
    let settings = crate::config::tests::Given::of(&[]);
    let noting = Noting::new(&settings);
    for name in ["LITTORAL_MODEL", "LITTORAL_MODELS"] {
        noting.get(name).now_or_never().unwrap().unwrap();
    }
    let told = unknown(["LITTORAL_MODLE", "LITTORAL_MODEL", "LITTORAL_ELSE"], &noting.asked());
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("LITTORAL_ELSE is set") && !told[0].contains("did you mean"), "{told:?}");
    assert!(told[1].ends_with("; did you mean LITTORAL_MODEL?"), "{told:?}");
}
