//! A slug: text that comes in headers of requests.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_model::SpanComponents;

fuzz_target!(|slug: &str| {
    if let Ok(components) = slug.parse::<SpanComponents>() {
        assert_eq!(components.to_string().parse(), Ok(components));
    }
});
