// What the search takes for the same word. Written for scripts without spaces, and for letters that look different to a
// computer only.
import { describe, expect, it } from 'vitest'
import { hasWords, segmentsOf } from '../../src/catalog/words.ts'

describe('words', () => {
  it.each([
    ['Weekly Board-Meeting', 'meeting weekly'],
    ['Weekly Board-Meeting', 'weekly boa'],
    ['Café Ångström', 'cafe angs'],
    ['cafe\u0301', 'CAFÉ'],
    ['Große Straße', 'grosse stras'],
    ['Łódź Øresund', 'lodz oresund'],
    ['ΟΔΟΣ ΑΘΗΝΩΝ', 'οδος αθην'],
    ['ｆｕｌｌ width', 'full'],
    ['產品會議紀錄', '會議'],
    ['今日はガイダンスです', 'ガイダンス'],
    ['한국어 회의록을', '회의'],
    ['ประชุมประจำสัปดาห์', 'ประจำ'],
    ['release 🎉 party', '🎉'],
    ['مُحَمَّد', 'محمد'],
    ['anything', ''],
    ['anything', '"*() -- \u0000'],
  ])('%j has the words %j', (text, query) => {
    expect(hasWords(text, query)).toBe(true)
  })

  it.each([
    ['Weekly Board-Meeting', 'boa weekly'],
    ['Weekly', 'weeklyy'],
    ['產品會議紀錄', '議會'],
    ['ガイダンス', 'カイタンス'],
    ['board', 'oard'],
    ['a b', 'ab'],
  ])('%j does not have the words %j', (text, query) => {
    expect(hasWords(text, query)).toBe(false)
  })

  it('have no punctuation, of scripts without spaces either', () => {
    expect(segmentsOf('ល្អ។ ๏ 、。')).toEqual([{ kind: 'run', text: 'ល្អ' }])
  })

  it('are taken apart where a script with spaces meets one without', () => {
    expect(segmentsOf('第2回meeting')).toEqual([
      { kind: 'run', text: '第' },
      { kind: 'word', text: '2' },
      { kind: 'run', text: '回' },
      { kind: 'word', text: 'meeting' },
    ])
  })
})
