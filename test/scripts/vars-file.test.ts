// Files of NAME=value lines, made from the template that explains them.
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { fillIn, namesIn, parseVars, randomSecret, readTemplate } from '../../scripts/vars-file.ts'
import { readWranglerConfig } from '../../scripts/wrangler-config.ts'

const template = await readTemplate()

describe('.dev.vars.example', () => {
  it('has a line for every secret that the Worker requires', () => {
    const { secrets } = readWranglerConfig()
    expect(namesIn(template)).toEqual(expect.arrayContaining(secrets.required))
  })

  it('holds no value, so that nobody deploys an example', () => {
    expect(Object.values(parseVars(template)).join('')).toBe('')
  })

  it('filled in for one machine makes a configuration without fault', () => {
    const { vars, secrets } = readWranglerConfig()
    const values = Object.fromEntries(secrets.required.map((name) => [name, randomSecret()]))
    const text = fillIn(template, values)
    expect(parseVars(text)).toEqual(values)
    expect(readConfig({ ...vars, ...parseVars(text) }).adminToken).toBe(values['ADMIN_TOKEN'])
  })
})

describe('a filled-in file', () => {
  it('keeps the explanations and turns a commented line into a setting', () => {
    const text = fillIn('# Where it is.\n#NAME=example\nOTHER=\n', { NAME: 'a$&b' })
    expect(text).toBe('# Where it is.\nNAME=a$&b\nOTHER=\n')
  })

  it('is refused for a name that the template does not explain', () => {
    expect(() => fillIn('NAME=\n', { NAMES: 'x' })).toThrow('NAMES')
  })

  it('reads a JSON object and a quoted value as they were meant', () => {
    const vars = parseVars('A={"APIold":"its secret"}\nB=\'x$HOME #y\'\n')
    expect(vars).toEqual({ A: '{"APIold":"its secret"}', B: 'x$HOME #y' })
  })
})
