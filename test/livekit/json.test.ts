// Reading LiveKit's JSON when it is not what the protocol says: each odd field reads as absent, and costs no other field.
import { describe, expect, it } from 'vitest'
import { child, children, count, flag, nanosAsMs, nanosAsUs, text } from '../../src/livekit/json.ts'

describe('a field of LiveKit’s JSON', () => {
  it('is found under its webhook name and under its Twirp name', () => {
    expect(text({ egressId: 'EG_a' }, 'egressId')).toBe('EG_a')
    expect(text({ egress_id: 'EG_a' }, 'egressId')).toBe('EG_a')
    expect(child({ room_composite: { layout: 'grid' } }, 'roomComposite')).toEqual({
      layout: 'grid',
    })
  })

  it.each([undefined, null, '', 0, 1, true, [], {}])('reads as no text when it is %j', (value) => {
    expect(text({ name: value }, 'name')).toBeNull()
  })

  it.each([undefined, null, '', 'x', 1, []])('reads as no object when it is %j', (value) => {
    expect(child({ name: value }, 'name')).toBeNull()
  })

  it('is a list of its objects only, whatever else is in it', () => {
    expect(children({ items: [{ a: 1 }, null, 'x', 2, [3]] }, 'items')).toEqual([{ a: 1 }])
    expect(children({ items: 'x' }, 'items')).toEqual([])
  })

  it('is true only when it says so', () => {
    expect(flag({ is: true }, 'is')).toBe(true)
    expect(flag({ is: 'true' }, 'is')).toBe(false)
  })

  it.each([
    ['7340032', 7_340_032],
    [7_340_032, 7_340_032],
    [String(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER],
    ['0', null],
    ['-5', null],
    ['9223372036854775807', null],
    ['12.5', null],
    ['0x10', null],
    ['many', null],
    [1.5, null],
    [Number.NaN, null],
    [{}, null],
  ])('counts %j as %j', (value, expected) => {
    expect(count({ size: value }, 'size')).toBe(expected)
  })

  it('keeps microseconds of nanoseconds that no number holds', () => {
    const at = { updatedAt: '1767225603123456789' }
    expect(nanosAsUs(at, 'updatedAt')).toBe(1_767_225_603_123_456)
    expect(nanosAsMs(at, 'updatedAt')).toBe(1_767_225_603_123)
  })

  it.each(['0', '-1767225603123456789', '', 'soon', '99999999999999999999', null])(
    'reads %j as no time',
    (value) => {
      expect(nanosAsMs({ at: value }, 'at')).toBeNull()
      expect(nanosAsUs({ at: value }, 'at')).toBeNull()
    },
  )
})
