// What wrangler.toml says, read by wrangler's own reader, so that these scripts never disagree with the deployment.
import { resolve } from 'node:path'
import { experimental_readRawConfig as readRawConfig } from 'wrangler'
import { projectFolder } from './wrangler.ts'
import type { Vars } from './vars-file.ts'

export interface R2Binding {
  binding: string
  bucket_name?: string
  jurisdiction?: string
  local_dev?: unknown
}

export interface D1Binding {
  binding: string
  database_name?: string
  database_id?: string
}

/** The parts that the scripts read; the rest passes through as it is. */
export interface WranglerConfig {
  name: string
  account_id?: string
  vars: Vars
  secrets: { required: string[] }
  d1_databases: D1Binding[]
  r2_buckets: R2Binding[]
  [more: string]: unknown
}

export function readWranglerConfig(): WranglerConfig {
  const { rawConfig } = readRawConfig({ config: resolve(projectFolder, 'wrangler.toml') })
  const { vars = {}, secrets, d1_databases = [], r2_buckets = [], ...rest } = rawConfig
  return { ...rest, vars, secrets, d1_databases, r2_buckets } as WranglerConfig
}
