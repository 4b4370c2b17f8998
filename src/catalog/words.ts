// The words of a text, as the search compares them: without case and accents, in any script. Scripts that are written
// without spaces (Chinese, Japanese, Thai, …) have no words to split at, so a run of them is found by any part of it; so are
// emoji. A pure function: what is written into the index and what is asked of it must be folded by the same code.

/** `word`: between spaces or punctuation. `run`: letters of a script without spaces. */
export interface Segment {
  kind: 'word' | 'run'
  text: string
}

const segments =
  /(?<run>[[[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]&&[\p{L}\p{N}\p{M}]]\p{So}ー]+)|(?<word>[[\p{L}\p{N}\p{M}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー]]+)/gv

/** Accents of Latin, Greek and Cyrillic, points of Hebrew and Arabic; never the marks that make another Japanese syllable. */
const accents = /[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]/g

/** Letters with a stroke, and ligatures, which Unicode does not take apart. */
const letters: Record<string, string> = {
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  ħ: 'h',
  ŧ: 't',
  æ: 'ae',
  œ: 'oe',
  þ: 'th',
  ς: 'σ',
}

export function segmentsOf(text: string): Segment[] {
  return [...fold(text).matchAll(segments)].map(({ groups }) =>
    groups?.['run'] === undefined
      ? { kind: 'word', text: groups?.['word'] ?? '' }
      : { kind: 'run', text: groups['run'] },
  )
}

/** True when every word of the query is one of the text's, the last one at least a beginning of one. */
export function hasWords(text: string, query: string): boolean {
  const found = segmentsOf(text)
  const wanted = segmentsOf(query)
  return wanted.every((segment, index) =>
    found.some(
      ({ kind, text: known }) =>
        kind === segment.kind &&
        (kind === 'run'
          ? known.includes(segment.text)
          : index === wanted.length - 1
            ? known.startsWith(segment.text)
            : known === segment.text),
    ),
  )
}

function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(accents, '')
    .toUpperCase()
    .toLowerCase()
    .replace(accents, '')
    .replace(/[øđðłħŧæœþς]/g, (letter) => letters[letter] ?? letter)
    .normalize('NFC')
}
