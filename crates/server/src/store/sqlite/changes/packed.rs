//! How touched rows are packed into an entry of the journal.
//!
//! Layout, with `n` standing for an unsigned LEB128 number of up to ten bytes:
//! - one byte: 1 if everything of the object was deleted, else 0;
//! - `n` runs of changed rows, each `n` (distance from the end of the run before) and `n` (further
//!   rows in the run): new rows get consecutive numbers, so 500 of them are one run;
//! - `n` deleted rows in order of number, each `n` (distance from the number before) and a trace:
//!   a byte 0 for none, 1 and 16 bytes, or 2, `n` and that many bytes of text.

use crate::store::Trace;

/// The most rows of one entry; more are spread over several.
const ENTRY_ROWS: usize = 4_096;

/// Rows of one object that were touched.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::store::sqlite) struct Rows {
    /// Everything that was there before is gone.
    pub(in crate::store::sqlite) all_deleted: bool,
    /// Rows that are gone, or not where they were; in order of number once packed. Positive
    /// numbers, as are all of `rows.number`.
    pub(in crate::store::sqlite) deleted: Vec<Deleted>,
    /// Numbers of rows that were inserted or updated; ascending, each once, once packed.
    pub(in crate::store::sqlite) changed: Vec<i64>,
}

/// A row that left a trace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store::sqlite) struct Deleted {
    pub(in crate::store::sqlite) number: i64,
    pub(in crate::store::sqlite) trace: Trace,
}

impl Rows {
    /// Packs the rows into one entry, or several if there are more than [`ENTRY_ROWS`]. Numbers
    /// that are not positive, which no row has, are left out.
    pub(super) fn pack(mut self) -> Vec<Vec<u8>> {
        self.changed.retain(|number| *number > 0);
        self.changed.sort_unstable();
        self.changed.dedup();
        self.deleted.retain(|row| row.number > 0);
        self.deleted.sort_unstable();
        let mut entries = Vec::new();
        // All deletions before any change, as a reader of a single entry applies them.
        for deleted in self.deleted.chunks(ENTRY_ROWS) {
            entries.push((deleted, &[][..]));
        }
        for changed in self.changed.chunks(ENTRY_ROWS) {
            match entries.last_mut() {
                Some((deleted, of_last))
                    if of_last.is_empty() && deleted.len() + changed.len() <= ENTRY_ROWS =>
                {
                    *of_last = changed;
                }
                _ => entries.push((&[][..], changed)),
            }
        }
        if entries.is_empty() && self.all_deleted {
            entries.push((&[], &[]));
        }
        let all_deleted = std::iter::once(self.all_deleted).chain(std::iter::repeat(false));
        let pairs = entries.into_iter().zip(all_deleted);
        pairs.map(|((deleted, changed), all)| pack(all, deleted, changed)).collect()
    }

    /// Reads an entry; `None` if it is malformed or has more than [`ENTRY_ROWS`].
    pub(super) fn unpack(packed: &[u8]) -> Option<Self> {
        let mut reader = Reader(packed);
        let all_deleted = match reader.byte()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let mut changed = Vec::new();
        let mut after = Some(0_i64);
        for _ in 0..reader.count()? {
            let first = after?.checked_add(reader.number()?)?;
            let more = reader.number()?;
            let last = first.checked_add(more)?;
            if usize::try_from(more).ok()? >= ENTRY_ROWS - changed.len() || first == 0 {
                return None;
            }
            changed.extend(first..=last);
            // A run that touches the one before would have been part of it.
            after = last.checked_add(2);
        }
        let mut deleted = Vec::new();
        let mut number = 0_i64;
        for _ in 0..reader.count()? {
            if changed.len() + deleted.len() >= ENTRY_ROWS {
                return None;
            }
            number = number.checked_add(reader.number()?).filter(|number| *number > 0)?;
            deleted.push(Deleted { number, trace: reader.trace()? });
        }
        reader.0.is_empty().then_some(Self { all_deleted, deleted, changed })
    }
}

fn pack(all_deleted: bool, deleted: &[Deleted], changed: &[i64]) -> Vec<u8> {
    let mut packed = vec![u8::from(all_deleted)];
    let runs = || changed.chunk_by(|one, next| one + 1 == *next);
    put(&mut packed, runs().count().cast_signed() as i64);
    let mut after = 0;
    for run in runs() {
        put(&mut packed, run[0] - after);
        put(&mut packed, (run.len() - 1).cast_signed() as i64);
        after = run[run.len() - 1].saturating_add(2);
    }
    put(&mut packed, deleted.len().cast_signed() as i64);
    let mut before = 0;
    for Deleted { number, trace } in deleted {
        put(&mut packed, number - before);
        before = *number;
        match trace {
            Trace::None => packed.push(0),
            Trace::Id(bytes) => {
                packed.push(1);
                packed.extend_from_slice(bytes);
            }
            Trace::Text(text) => {
                packed.push(2);
                put(&mut packed, text.len().cast_signed() as i64);
                packed.extend_from_slice(text.as_bytes());
            }
        }
    }
    packed
}

fn put(packed: &mut Vec<u8>, number: i64) {
    let mut rest = number.cast_unsigned();
    while rest > 0x7f {
        packed.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    packed.push(rest as u8);
}

/// What is left to read. Every count is checked against it before anything is reserved.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn number(&mut self) -> Option<i64> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number.cast_signed());
            }
        }
        // A tenth byte would be the sign, which no number here has.
        None
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|count| *count <= ENTRY_ROWS)
    }

    fn trace(&mut self) -> Option<Trace> {
        Some(match self.byte()? {
            0 => Trace::None,
            1 => Trace::Id(self.bytes(16)?.try_into().ok()?),
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Trace::Text(String::from_utf8(self.bytes(length)?.to_vec()).ok()?)
            }
            _ => return None,
        })
    }

    fn bytes(&mut self, count: usize) -> Option<&[u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn traces() -> impl Strategy<Value = Trace> {
        prop_oneof![
            Just(Trace::None),
            any::<[u8; 16]>().prop_map(Trace::Id),
            "\\PC{0,20}".prop_map(Trace::Text),
        ]
    }

    fn numbers() -> impl Strategy<Value = i64> {
        prop_oneof![1..200_i64, 1..i64::MAX, Just(i64::MAX)]
    }

    prop_compose! {
        fn rows()(
            all_deleted: bool,
            changed in prop::collection::vec(numbers(), 0..300),
            deleted in prop::collection::vec((numbers(), traces()), 0..30),
        ) -> Rows {
            let deleted =
                deleted.into_iter().map(|(number, trace)| Deleted { number, trace }).collect();
            Rows { all_deleted, deleted, changed }
        }
    }

    proptest! {
        #[test]
        fn packed_rows_come_back(rows in rows()) {
            let mut expected = rows.clone();
            expected.changed.sort_unstable();
            expected.changed.dedup();
            expected.deleted.sort_unstable();
            let packed = rows.pack();
            if expected == Rows::default() {
                prop_assert!(packed.is_empty());
            } else {
                prop_assert_eq!(packed.len(), 1);
                prop_assert_eq!(Rows::unpack(&packed[0]), Some(expected));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            rows in rows(), cut: prop::sample::Index, put: u8,
        ) {
            let fits = |read: Option<Rows>| read.is_none_or(|rows| {
                rows.changed.len() + rows.deleted.len() <= ENTRY_ROWS
            });
            prop_assert!(fits(Rows::unpack(&bytes)));
            for mut packed in rows.pack() {
                let at = cut.index(packed.len());
                prop_assert_eq!(Rows::unpack(&packed[..at]), None);
                packed[at] = put;
                prop_assert!(fits(Rows::unpack(&packed)));
            }
        }
    }

    #[test]
    fn many_rows_take_several_entries_and_deletions_go_first() {
        let count = 2 * ENTRY_ROWS as i64 + 10;
        let deleted = (1..=count).map(|number| Deleted { number, trace: Trace::None }).collect();
        let rows = Rows { all_deleted: true, deleted, changed: (1..=count).collect() };
        let entries: Vec<Rows> =
            rows.pack().iter().map(|packed| Rows::unpack(packed).expect("well-formed")).collect();
        let all: Vec<bool> = entries.iter().map(|rows| rows.all_deleted).collect();
        assert_eq!(all, [true, false, false, false, false, false]);
        let last_deletion = entries.iter().rposition(|rows| !rows.deleted.is_empty());
        let first_change = entries.iter().position(|rows| !rows.changed.is_empty());
        assert!(last_deletion <= first_change, "{last_deletion:?} {first_change:?}");
        assert_eq!(entries.iter().map(|rows| rows.deleted.len()).sum::<usize>(), count as usize);
        assert_eq!(entries.iter().map(|rows| rows.changed.len()).sum::<usize>(), count as usize);
    }

    #[test]
    fn new_rows_cost_next_to_nothing() {
        let rows = Rows { changed: (1_000_000..1_000_500).collect(), ..Rows::default() };
        assert_eq!(rows.pack()[0].len(), 8);
    }

    #[test]
    fn an_entry_of_too_many_rows_is_refused() {
        let mut packed = vec![0];
        for number in [1, 1, ENTRY_ROWS as i64 - 1, 0] {
            put(&mut packed, number);
        }
        assert_eq!(Rows::unpack(&packed).map(|rows| rows.changed.len()), Some(ENTRY_ROWS));
        let mut packed = vec![0];
        for number in [1, 1, ENTRY_ROWS as i64, 0] {
            put(&mut packed, number);
        }
        assert_eq!(Rows::unpack(&packed), None);
    }
}
