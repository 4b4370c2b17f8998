// `npm run storm [-- --seeds N] [--from N] [--seconds N] [--processes N]`: the storm of test/storm for as many seeds as asked, on
// every core. It ends with 0 only when every invariant held for every one; a seed that failed is replayed by
// `npm run storm -- --seed N`, line by line.
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { replay } from '../test/storm/run.ts'
import type { Ran, Range } from '../test/storm/share.ts'

const mostFailures = 10
/** Enough that handing them out costs nothing, few enough that no core waits long for the last. */
const seedsPerRange = 100

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    seconds: { type: 'string', default: 'Infinity' },
    processes: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string' },
  },
})

if (values.seed === undefined)
  await run(Number(values.from), Number(values.seeds), Number(values.seconds))
else for (const line of await replay(Number(values.seed))) console.log(line)

async function run(from: number, seeds: number, seconds: number): Promise<void> {
  const startedMs = Date.now()
  const elapsed = (): number => (Date.now() - startedMs) / 1000
  let next = from
  let ran = 0
  let failures = 0
  const takeRange = (): Range | null => {
    const count = Math.min(seedsPerRange, from + seeds - next)
    if (count <= 0 || failures >= mostFailures || elapsed() >= seconds) return null
    next += count
    return { from: next - count, count }
  }
  const note = ({ range, failures: found }: Ran): void => {
    ran += range.count
    failures += found.length
    for (const { seed, message } of found) console.log(`seed ${seed}: ${message}`)
  }
  const processes = Math.max(1, Number(values.processes))
  await Promise.all(Array.from({ length: processes }, async () => runShare(takeRange, note)))
  const rate = Math.round(ran / elapsed())
  console.log(
    `${ran} seeds from ${from} to ${next - 1}: ${failures} failed, ` +
      `${elapsed().toFixed(1)} s on ${processes} processes, ${rate} seeds a second`,
  )
  if (failures > 0) console.log('npm run storm -- --seed N prints the history of one')
  process.exitCode = failures === 0 ? 0 : 1
}

/** Gives a process of its own one range after the other. */
async function runShare(takeRange: () => Range | null, note: (ran: Ran) => void): Promise<void> {
  const share = fork(join(import.meta.dirname, '../test/storm/share.ts'))
  await new Promise<void>((resolve, reject) => {
    const giveNext = (): void => {
      const range = takeRange()
      if (range === null) resolve()
      else share.send(range)
    }
    share.once('error', reject)
    share.once('exit', (code) => reject(new Error(`a process of the storm ended with ${code}`)))
    share.on('message', (ran: Ran) => {
      note(ran)
      giveNext()
    })
    giveNext()
  }).finally(() => share.kill())
}
