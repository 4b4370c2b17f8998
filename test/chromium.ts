// Where the browser of the browser tests is: what CI installs, or what CHROMIUM names.
import { existsSync } from 'node:fs'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** `null` where there is none: the browser tests are left out then, and only they. */
export function chromiumPath(): string | null {
  const named = process.env['CHROMIUM']
  return (
    [...(named === undefined ? [] : [named]), ...places].find((path) => existsSync(path)) ?? null
  )
}
