// A text in sixteen letters and digits: for what has to be the same, or to be found, by what it says and not by its length.
// No protection against anybody who looks for two texts with one hash.

/** 64 bits of FNV-1a in two halves: short, and of letters and digits whatever it is of. */
export function hash(text: string): string {
  let low = 0x811c9dc5
  let high = 0xcbf29ce4
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul(high ^ (unit + index), 0x01000193)
  }
  return [low, high].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
}
