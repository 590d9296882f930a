//! Parameters that lists share.

use super::reply::ApiError;
use super::request::Params;
use crate::store::{CaseFilter, Figure, FigureRange, Kind, Order, Place};

/// Bytes of a search's words; what is beyond no query needs.
const WORDS_BYTES: usize = 1_024;

/// Steps of a path into metadata.
pub(super) const METADATA_STEPS: usize = 16;

/// Reads `limit`; larger ones count as `most`.
pub(super) fn limit(params: &mut Params, default: usize, most: usize) -> Result<usize, ApiError> {
    let Some(text) = params.take("limit") else { return Ok(default) };
    let limit = text.parse().ok().filter(|limit: &usize| *limit > 0);
    let limit = limit
        .ok_or_else(|| ApiError::bad_request("\"limit\" must be a whole number above zero"))?;
    Ok(limit.min(most))
}

/// Reads `order`.
pub(super) fn order(params: &mut Params, default: Order) -> Result<Order, ApiError> {
    match params.take("order").as_deref() {
        None => Ok(default),
        Some("asc") => Ok(Order::Ascending),
        Some("desc") => Ok(Order::Descending),
        Some(_) => Err(ApiError::bad_request("\"order\" must be asc or desc")),
    }
}

/// Reads `cursor`.
pub(super) fn cursor(params: &mut Params) -> Result<Option<Place>, ApiError> {
    let place = params.take("cursor").map(|text| {
        Place::from_cursor(&text)
            .ok_or_else(|| ApiError::bad_request("\"cursor\" is not one that this server returned"))
    });
    place.transpose()
}

/// Reads a parameter that is true or false.
pub(super) fn flag(params: &mut Params, name: &str) -> Result<Option<bool>, ApiError> {
    let flag = params.take(name).map(|text| {
        text.parse().map_err(|_| ApiError::bad_request(format!("{name:?} must be true or false")))
    });
    flag.transpose()
}

/// Reads the conditions on cases.
pub(super) fn case_filter(params: &mut Params) -> Result<CaseFilter, ApiError> {
    let mut metadata = Vec::new();
    for (path, value) in params.take_below("metadata.") {
        let steps: Vec<_> = path.split('.').map(str::to_owned).collect();
        if steps.len() > METADATA_STEPS || steps.iter().any(String::is_empty) {
            let message = format!(
                "\"metadata.{path}\" is no path: names between dots, at most {METADATA_STEPS}"
            );
            return Err(ApiError::bad_request(message));
        }
        metadata.push((steps, value));
    }
    Ok(CaseFilter {
        ranges: ["score", "metric"]
            .into_iter()
            .filter_map(|kind| Some(range(kind, &params.take(kind)?)))
            .collect::<Result<_, _>>()?,
        failed: flag(params, "failed")?,
        tag: params.take("tag"),
        text: words(params, "text")?,
        input_hashes: params
            .take("input_hash")
            .map(|text| input_hash(&text).map(|hash| [hash].into()))
            .transpose()?,
        metadata,
    })
}

/// Reads words to be searched.
pub(super) fn words(params: &mut Params, name: &str) -> Result<Option<String>, ApiError> {
    let text = params.take(name);
    if text.as_ref().is_some_and(|text| text.len() > WORDS_BYTES) {
        let message = format!("parameter {name:?} may have at most {WORDS_BYTES} bytes");
        return Err(ApiError::bad_request(message));
    }
    Ok(text)
}

pub(super) fn input_hash(text: &str) -> Result<[u8; 16], ApiError> {
    let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32);
    // `from_str_radix` alone would take a sign.
    let number = number.filter(|_| !text.starts_with('+')).map(u128::to_be_bytes);
    number.ok_or_else(|| {
        ApiError::bad_request("\"input_hash\" must be 32 hex digits, as a list of cases has them")
    })
}

/// Reads `score:NAME` or `metric:NAME`.
pub(super) fn figure(text: &str) -> Option<Figure> {
    let (kind, name) = text.split_once(':').filter(|(_, name)| !name.is_empty())?;
    let kind = match kind {
        "score" => Kind::Score,
        "metric" => Kind::Metric,
        _ => return None,
    };
    Some(Figure { kind, name: name.into() })
}

/// Reads the value of `score=` or `metric=`: `NAME:LEAST..MOST`, with either bound left out.
pub(super) fn range(kind: &'static str, text: &str) -> Result<FigureRange, ApiError> {
    let read = || {
        let (name, bounds) = text.rsplit_once(':')?;
        let (least, most) = bounds.split_once("..")?;
        let bound = |text: &str| match text {
            "" => Some(None),
            text => text.parse().ok().filter(|number: &f64| !number.is_nan()).map(Some),
        };
        let figure = figure(&format!("{kind}:{name}"))?;
        Some(FigureRange { figure, least: bound(least)?, most: bound(most)? })
    };
    read().ok_or_else(|| {
        ApiError::bad_request(format!(
            "{kind:?} must be NAME:LEAST..MOST, as in exact:0.5..1, with either bound left out"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_take_names_with_colons_and_open_ends() {
        let read = |text| range("score", text).ok().map(|r| (r.figure.name, r.least, r.most));
        assert_eq!(read("exact:0.5..1"), Some(("exact".into(), Some(0.5), Some(1.0))));
        assert_eq!(read("a:b:..0"), Some(("a:b".into(), None, Some(0.0))));
        for bad in ["exact", "exact:0.5", ":0..1", "exact:x..1", "exact:0..nan"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
