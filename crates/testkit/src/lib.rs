//! Everything tests need and the product does not: fakes of the ports, the behaviour suites that every adapter passes, a
//! database as strict as D1, faults, and the scripted upstream.
