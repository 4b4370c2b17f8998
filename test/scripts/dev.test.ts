// `npm run dev` as a person runs it: from a clean clone to a Worker that answers, and nothing left behind.
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../free-port.ts'
import { assets } from '../../src/assets.ts'
import { isFree, isRoomtape } from '../../scripts/dev-server.ts'
import { parseVars } from '../../scripts/vars-file.ts'
import { copyProject } from './project-copy.ts'
import type { ProjectCopy } from './project-copy.ts'
import { startScript } from './run-script.ts'
import type { RunningScript } from './run-script.ts'

const timeout = 120_000

let project: ProjectCopy
let running: RunningScript[]

beforeEach(async () => {
  project = await copyProject()
  running = []
})

afterEach(async () => {
  for (const { child, ended } of running) {
    child.kill('SIGTERM')
    await ended
  }
  await project.remove()
})

function dev(port: number): RunningScript {
  const script = startScript(project.folder, 'dev.ts', ['--port', String(port)])
  running.push(script)
  return script
}

describe('npm run dev', () => {
  it(
    'makes settings and a catalogue on a clean clone, serves its own bucket on any port, and leaves nothing behind',
    { timeout },
    async () => {
      const port = await freePort()
      const script = dev(port)
      await expect
        .poll(() => script.output(), { timeout })
        .toContain(`http://localhost:${port}/webhooks/livekit`)
      const path = join(project.folder, '.dev.vars')
      expect((await stat(path)).mode & 0o777).toBe(0o600)
      const vars = parseVars(await readFile(path, 'utf8'))
      expect(script.output()).toContain(vars['ADMIN_TOKEN'])

      const ready = await fetch(`http://127.0.0.1:${port}/readyz`)
      const { checks } = await ready.json<{ checks: Record<string, { ok: boolean }> }>()
      expect(checks['catalogue']).toMatchObject({ ok: true })
      expect(checks['store']).toMatchObject({ ok: true })
      const player = await fetch(`http://127.0.0.1:${port}/assets/${assets.hls}`)
      expect(player.headers.get('cache-control')).toContain('immutable')
      expect(await player.text()).toContain('isMSESupported')

      const second = dev(port)
      expect(await second.ended).toBe(1)
      expect(second.output()).toContain(`On port ${port} runs Roomtape already`)
      expect(await isRoomtape(port)).toBe(true)

      script.child.kill('SIGTERM')
      expect(await script.ended).toBe(143)
      expect(await isFree(port)).toBe(true)
    },
  )

  it(
    'never touches settings that exist, and says which of them have no effect',
    { timeout },
    async () => {
      const text = 'ADMIN_TOKEN=mine\nLIVEKIT_API_KEYY=misspelt\n'
      await writeFile(join(project.folder, '.dev.vars'), text)
      const script = dev(await freePort())
      await expect.poll(() => script.output(), { timeout }).toContain('admin token  mine')
      expect(script.output()).toContain('.dev.vars sets LIVEKIT_API_KEYY')
      expect(script.output()).not.toContain('misspelt')
      expect(await readFile(join(project.folder, '.dev.vars'), 'utf8')).toBe(text)
    },
  )
})
