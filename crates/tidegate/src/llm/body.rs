//! The body of an answer: kept while it comes, read at its end.

use serde_json::Value;

use super::answer::Answer;
use super::media::{MOST_BYTES, Media, is_mentioned};
use super::stream::{Streamed, is_google_chunk};

/// A body as far as it is kept.
#[derive(Debug)]
pub(super) struct Body {
    bytes: Vec<u8>,
    /// With what was not kept.
    length: usize,
    /// What is kept at most: more than the limit if there are media in it.
    most: usize,
}

/// How much of a body or of an event is read at most, where media may be taken out of it.
pub(super) fn most_read(max_bytes: usize, media_room: u64) -> usize {
    // Base64 is longer by a third than what it stands for.
    let media = usize::try_from(media_room / 3 * 4).unwrap_or(usize::MAX);
    max_bytes.max(max_bytes.saturating_add(media).min(MOST_BYTES))
}

impl Body {
    /// One of which so much is kept.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { bytes: Vec::new(), length: 0, most: max_bytes }
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Takes in what comes next; with media in it, up to another limit.
    pub(super) fn push(&mut self, bytes: &[u8], most_with_media: usize) {
        let is_whole = self.bytes.len() == self.length;
        self.length += bytes.len();
        if !is_whole {
            return;
        }
        let most = self.most.max(most_with_media);
        let fits = bytes.len().min(most - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..fits]);
        // Media make bodies long and rows short.
        if self.bytes.len() > self.most && is_mentioned(&self.bytes) {
            self.most = most;
        }
        self.bytes.truncate(self.most);
    }

    /// Reads it: JSON, or a text.
    pub(super) fn read(&self, max_bytes: usize, mut media: Media) -> Answer {
        let Self { bytes, length, .. } = self;
        let mut answer = Answer::default();
        if *length == bytes.len()
            && let Ok(mut value) = serde_json::from_slice::<Value>(bytes)
        {
            // Google's stream, unless it was asked for events.
            if let Value::Array(chunks) = &value
                && chunks.first().is_some_and(is_google_chunk)
            {
                let mut streamed = Streamed::new(max_bytes);
                streamed.take_media(media);
                for chunk in chunks {
                    streamed.event(chunk.to_string().as_bytes());
                }
                return streamed.finish();
            }
            let is_shorter = media.replace(&mut value);
            let fits =
                bytes.len() <= max_bytes || is_shorter && value.to_string().len() <= max_bytes;
            answer = Answer::of(value);
            if fits {
                answer.media = media;
                return answer;
            }
        }
        let kept = &bytes[..bytes.len().min(max_bytes)];
        let text = String::from_utf8_lossy(kept).into_owned();
        answer.output = (!text.is_empty()).then_some(Value::String(text));
        answer.is_cut = *length > kept.len();
        answer
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_kept_up_to_the_limit_and_one_with_media_up_to_another() {
        for (start, kept) in [("plain", 10), ("base64", 14)] {
            let mut body = Body::new(10);
            for piece in [start, "12345", "12345", "12345"] {
                body.push(piece.as_bytes(), 14);
            }
            assert_eq!((body.bytes.len(), body.length()), (kept, start.len() + 15));
            let answer = body.read(10, Media::default());
            assert!(answer.is_cut);
            assert_eq!(answer.output.expect("the beginning").as_str().map(str::len), Some(10));
        }
        assert_eq!(
            (most_read(10, 0), most_read(10, 30), most_read(99, 1 << 40)),
            (10, 50, 32 << 20)
        );
        assert_eq!(most_read(64 << 20, 30), 64 << 20);
    }

    #[test]
    fn one_that_is_too_long_without_its_media_too_is_cut_and_its_counts_are_kept() {
        let source =
            json!({"type": "base64", "media_type": "image/png", "data": "QUJD".repeat(50)});
        let text = "x".repeat(500);
        let message = json!({"type": "message", "role": "assistant", "model": "m",
            "content": [{"text": text}, {"source": source}], "usage": {"input_tokens": 3}});
        let (message, mut body) = (message.to_string(), Body::new(600));
        body.push(message.as_bytes(), 1 << 20);
        let answer = body.read(600, Media::new(1 << 20));
        assert!(answer.is_cut);
        assert_eq!(answer.output, Some(Value::from(&message[..600])));
        assert_eq!((answer.usage.prompt(), answer.model.as_deref()), (Some(3.0), Some("m")));
    }
}
