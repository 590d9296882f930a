//! The files of the web page, as `ui/dist` had them when this was built, and each packed for the
//! clients that take it so.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{LazyLock, OnceLock};

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use rust_embed::Embed;

/// Shorter files go as they are: the head of an answer takes as much.
const LEAST_PACKED_BYTES: usize = 1_024;
/// Of brotli, out of 11. Higher ones save 3 % more and take ten times as long.
const BROTLI_QUALITY: u32 = 9;
/// Of brotli: a window of 4 MiB holds any of the files.
const BROTLI_WINDOW: u32 = 22;

#[derive(Embed)]
#[folder = "../../ui/dist/"]
struct Files;

/// How a body is packed, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Brotli,
    Gzip,
}

impl Packing {
    /// As `Content-Encoding` says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The best one that a client takes.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let accepted = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
        let takes = |wanted: &str| {
            accepted.split(',').any(|item| {
                let (name, weight) = item.split_once(';').unwrap_or((item, ""));
                let weight = weight.trim().strip_prefix("q=").map(str::parse::<f32>);
                name.trim().eq_ignore_ascii_case(wanted) && weight != Some(Ok(0.0))
            })
        };
        [Self::Brotli, Self::Gzip].into_iter().find(|packing| takes(packing.name()))
    }
}

/// One file.
pub(crate) struct Asset {
    bytes: Bytes,
    media: &'static str,
    /// Beginning of the hash of the bytes, in hex.
    hash: String,
    /// Packed at the first request that wants it; `None` where that saves nothing.
    packed: [OnceLock<Option<Bytes>>; 2],
}

impl Asset {
    fn of(path: &str, bytes: Cow<'static, [u8]>, hash: [u8; 32]) -> Self {
        let bytes = match bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        };
        let hash = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { bytes, media: media(path), hash, packed: Default::default() }
    }

    pub(crate) fn media(&self) -> &'static str {
        self.media
    }

    /// What `ETag` says of the file as it is sent.
    pub(crate) fn tag(&self, packing: Option<Packing>) -> String {
        match packing {
            None => format!("\"{}\"", self.hash),
            Some(packing) => format!("\"{}-{}\"", self.hash, packing.name()),
        }
    }

    /// Whether it is sent as it is whatever the client takes.
    fn is_dense(&self) -> bool {
        const DENSE: [&str; 4] = ["image/png", "image/webp", "font/woff2", "image/x-icon"];
        self.bytes.len() < LEAST_PACKED_BYTES || DENSE.contains(&self.media)
    }

    /// The body for a client, and how it is packed. The first call for a packing takes up to some
    /// tens of milliseconds.
    pub(crate) fn body(&self, packing: Option<Packing>) -> (Bytes, Option<Packing>) {
        let Some(packing) = packing.filter(|_| !self.is_dense()) else {
            return (self.bytes.clone(), None);
        };
        let packed = self.packed[packing as usize].get_or_init(|| {
            let packed = pack(&self.bytes, packing).ok();
            packed.filter(|packed| packed.len() < self.bytes.len()).map(Bytes::from)
        });
        match packed {
            Some(packed) => (packed.clone(), Some(packing)),
            None => (self.bytes.clone(), None),
        }
    }
}

fn pack(bytes: &[u8], packing: Packing) -> std::io::Result<Vec<u8>> {
    match packing {
        Packing::Brotli => {
            let mut packed = Vec::new();
            let mut writer =
                brotli::CompressorWriter::new(&mut packed, 4_096, BROTLI_QUALITY, BROTLI_WINDOW);
            writer.write_all(bytes)?;
            drop(writer);
            Ok(packed)
        }
        Packing::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            writer.write_all(bytes)?;
            writer.finish()
        }
    }
}

static ASSETS: LazyLock<BTreeMap<String, Asset>> = LazyLock::new(|| {
    let paths = Files::iter();
    paths
        .filter_map(|path| {
            let file = Files::get(&path)?;
            let asset = Asset::of(&path, file.data, file.metadata.sha256_hash());
            Some((path.into_owned(), asset))
        })
        .collect()
});

/// The file of a path below `ui/dist`.
pub(crate) fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.get(path)
}

fn media(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" | "md" | "LICENSE" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_best_packing_that_a_client_takes_is_chosen() {
        let of = |accepted: &str| {
            let headers = [(header::ACCEPT_ENCODING, accepted.parse().expect("a value"))];
            Packing::of(&headers.into_iter().collect())
        };
        assert_eq!(of("gzip, deflate, br, zstd"), Some(Packing::Brotli));
        assert_eq!(of("gzip;q=0.5, BR;q=0.1"), Some(Packing::Brotli));
        assert_eq!(of("gzip, br;q=0"), Some(Packing::Gzip));
        assert_eq!(of("deflate, bro"), None);
        assert_eq!(Packing::of(&HeaderMap::new()), None);
    }

    #[test]
    fn files_are_packed_once_and_unpack_to_what_they_are() {
        let text = "word ".repeat(2_000);
        let asset = Asset::of("a.js", text.clone().into_bytes().into(), [7; 32]);
        let (gzip, packing) = asset.body(Some(Packing::Gzip));
        assert_eq!(packing, Some(Packing::Gzip));
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&*gzip).read_to_string(&mut unpacked).expect("gzip");
        assert_eq!(unpacked, text);
        let (brotli, packing) = asset.body(Some(Packing::Brotli));
        assert_eq!(packing, Some(Packing::Brotli));
        let mut unpacked = String::new();
        brotli::Decompressor::new(&*brotli, 4_096).read_to_string(&mut unpacked).expect("brotli");
        assert_eq!(unpacked, text);
        assert!(brotli.len() < text.len() / 10 && gzip.len() < text.len() / 10);
        let again = asset.body(Some(Packing::Brotli)).0;
        assert_eq!(again.as_ptr(), brotli.as_ptr(), "the same bytes, not packed again");
        let tags = [None, Some(Packing::Gzip), Some(Packing::Brotli)].map(|p| asset.tag(p));
        assert_eq!(tags[0], "\"0707070707070707\"");
        assert!(tags[0] != tags[1] && tags[1] != tags[2]);
        let short = Asset::of("a.js", b"short"[..].into(), [7; 32]);
        assert_eq!(short.body(Some(Packing::Gzip)).1, None);
        let dense = Asset::of("a.png", text.into_bytes().into(), [7; 32]);
        assert_eq!(dense.body(Some(Packing::Gzip)).1, None);
    }

    #[test]
    fn the_page_and_all_it_names_are_there() {
        let page = asset("index.html").expect("the page").body(None).0;
        let page = String::from_utf8(page.to_vec()).expect("text");
        let mut named = 0;
        for part in page.split("=\"/").skip(1) {
            let path = part.split('"').next().unwrap_or_default();
            if path.starts_with("assets/") {
                assert!(asset(path).is_some(), "{path} is missing");
                named += 1;
            }
        }
        assert!(named > 0, "{page}");
        // What the policy of the page forbids.
        assert!(!page.contains("<style") && !page.contains(" style="), "{page}");
        assert_eq!(page.matches("<script").count(), page.matches("<script ").count(), "{page}");
        assert!(asset("speedscope/index.html").is_some());
    }
}
