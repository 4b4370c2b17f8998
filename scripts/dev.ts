// `npm run dev [-- --port N] [--persist-to DIR] [more for wrangler dev]`: the Worker on this machine, from a clean clone
// and without an account. It must end everything that it started, whichever way it is ended itself, and it prints the
// one secret that a person needs to sign in: the local one.
import { defaultPort, ensureDevVars, StartError, startDevServer } from './dev-server.ts'
import { devArguments } from './dev-arguments.ts'
import { endSignal } from './signals.ts'
import { readProjectFile } from './wrangler.ts'

const end = endSignal()

async function main(): Promise<number> {
  const { port, persistTo, rest } = devArguments(process.argv.slice(2), defaultPort)
  const { vars, isNew } = await ensureDevVars()
  if (isNew) console.log('Wrote .dev.vars with settings for this machine.')
  await warnOfUnknown(Object.keys(vars))
  const server = await startDevServer({
    port,
    persistTo,
    wranglerArguments: rest,
    onOutput: (text) => process.stdout.write(text),
    signal: end,
  })
  console.log(`
  Roomtape     ${server.url}
  admin token  ${vars['ADMIN_TOKEN'] ?? '(none: .dev.vars has no ADMIN_TOKEN)'}
  webhooks     ${server.url}/webhooks/livekit, signed with the key ${vars['LIVEKIT_API_KEY'] ?? '(none)'}
  try it       npm run demo${port === defaultPort ? '' : ` -- --port ${port}`}
`)
  return server.ended
}

/** wrangler hands on only what its configuration names, and says nothing of the rest. */
async function warnOfUnknown(names: string[]): Promise<void> {
  const configuration = await readProjectFile('wrangler.toml')
  const unknown = names.filter(
    (name) => !new RegExp(`^${name}\\s*=|"${name}"`, 'm').test(configuration),
  )
  if (unknown.length > 0) {
    console.error(
      `Without effect: .dev.vars sets ${unknown.join(', ')}, which wrangler.toml does not name.`,
    )
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!end.aborted) {
    if (!(error instanceof StartError)) throw error
    console.error(error.message)
  }
  process.exitCode = end.aborted ? Number(end.reason) : 1
}
