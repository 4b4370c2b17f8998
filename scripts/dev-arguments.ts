// The arguments of `npm run dev`: ours are taken out, the rest is wrangler's and passes through untouched.

export interface DevArguments {
  port: number
  persistTo: string | undefined
  rest: string[]
}

/** @throws {Error} for a port that is none */
export function devArguments(args: string[], fallbackPort: number): DevArguments {
  const rest: string[] = []
  let port = fallbackPort
  let persistTo: string | undefined
  const left = [...args]
  for (let argument = left.shift(); argument !== undefined; argument = left.shift()) {
    const [name, inline] = split(argument)
    if (name === '--port') port = parsePort(inline ?? left.shift())
    else if (name === '--persist-to') persistTo = inline ?? left.shift()
    else rest.push(argument)
  }
  return { port, persistTo, rest }
}

/** @throws {Error} for what is no port */
export function parsePort(text: string | undefined): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error(`--port takes a number from 1 to 65535, not ${text ?? 'nothing'}.`)
  }
  return port
}

function split(argument: string): [name: string, inline: string | undefined] {
  const at = argument.startsWith('--') ? argument.indexOf('=') : -1
  return at < 0 ? [argument, undefined] : [argument.slice(0, at), argument.slice(at + 1)]
}
