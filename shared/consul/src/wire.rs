//! How Consul writes values in JSON: durations as Go does, an empty list often as `null`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// A duration in Go's notation, in whole milliseconds; what is shorter counts as one, since zero often means "default".
pub(crate) fn duration(duration: Duration) -> String {
    match duration {
        Duration::ZERO => "0s".to_owned(),
        _ if duration.subsec_nanos() == 0 => format!("{}s", duration.as_secs()),
        _ => format!("{}ms", duration.as_millis().max(1)),
    }
}

/// For `#[serde(serialize_with)]`.
pub(crate) fn serialize_duration<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&duration(*value))
}

/// For `#[serde(serialize_with)]`, with `skip_serializing_if = "Option::is_none"`.
pub(crate) fn serialize_some_duration<S: Serializer>(
    value: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&duration(value.unwrap_or_default()))
}

/// For `#[serde(deserialize_with)]`, with `default`: `null` is as good as absent.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_as_go_reads_it() {
        assert_eq!(duration(Duration::ZERO), "0s");
        assert_eq!(duration(Duration::from_secs(90)), "90s");
        assert_eq!(duration(Duration::from_millis(1500)), "1500ms");
        assert_eq!(duration(Duration::from_nanos(1)), "1ms");
    }

    #[test]
    fn null_is_an_empty_list() {
        #[derive(Deserialize)]
        struct Tagged {
            #[serde(default, deserialize_with = "null_as_default")]
            tags: Vec<String>,
        }
        for text in [r#"{"tags":null}"#, r#"{"tags":[]}"#, "{}"] {
            assert!(serde_json::from_str::<Tagged>(text).unwrap().tags.is_empty(), "{text}");
        }
    }
}
