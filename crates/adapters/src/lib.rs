//! Adapters that need no platform: ports built on other ports. (libSQL over HTTP, SQL rate limiter, SQL key-value store, in-memory ones.)
