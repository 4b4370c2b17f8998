// Fills `public/` with the files that browsers load: those of packages, and our own browser scripts, bundled. wrangler runs
// this before it builds anything ([build] in wrangler.toml), vitest.config.ts before any test, so that nobody has to. It
// must be able to run beside itself: every file appears whole, or stays as it is.
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { build } from 'esbuild'
import { assets } from '../src/assets.ts'

const projectFolder = resolve(import.meta.dirname, '..')
const publicFolder = resolve(projectFolder, 'public')
/** Beside it: whatever lies in `public/` is uploaded. */
const partFolder = resolve(projectFolder, '.wrangler/assets')

/** Files of packages as they are: which one, under whose version. */
const copied = {
  hls: ['hls.js', 'dist/hls.light.min.mjs'],
  swaggerUi: ['swagger-ui-dist', 'swagger-ui-bundle.js'],
  swaggerUiStyle: ['swagger-ui-dist', 'swagger-ui.css'],
} as const

/** Our own, bundled from their entry. */
const bundled = {
  docs: 'src/browser/docs.ts',
  watch: 'src/browser/watch.ts',
} as const

const cacheHeaders = `/assets/*
  x-content-type-options: nosniff
${Object.keys(copied)
  .map((asset) => `/assets/${assets[asset as keyof typeof copied]}`)
  .map((path) => `${path}\n  cache-control: public, max-age=31536000, immutable\n`)
  .join('')}`

export async function makeAssets(): Promise<void> {
  const files = new Map<string, string>()
  for (const [asset, [name, path]] of Object.entries(copied)) {
    files.set(assets[asset as keyof typeof copied], await fileOfPackage(asset, name, path))
  }
  for (const [asset, entry] of Object.entries(bundled)) {
    files.set(assets[asset as keyof typeof bundled], await bundle(entry))
  }
  const folder = resolve(publicFolder, 'assets')
  await mkdir(folder, { recursive: true })
  for (const [name, text] of files) await write(resolve(folder, name), text)
  await write(resolve(publicFolder, '_headers'), cacheHeaders)
  const old = (await readdir(folder)).filter((name) => !files.has(name))
  await Promise.all(old.map((name) => rm(resolve(folder, name), { force: true })))
}

async function fileOfPackage(asset: string, name: string, path: string): Promise<string> {
  const folder = resolve(projectFolder, 'node_modules', name)
  const { version } = JSON.parse(await readFile(resolve(folder, 'package.json'), 'utf8')) as {
    version: string
  }
  const known = assets[asset as keyof typeof copied]
  if (!known.includes(`-${version}.`)) {
    throw new Error(`${name} is ${version}, and src/assets.ts names it ${known}.`)
  }
  // The map is not shipped, and naming it would make the browser's tools ask for it.
  return (await readFile(resolve(folder, path), 'utf8')).replace(
    /\n.{2,3}# sourceMappingURL=.*/,
    '',
  )
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: projectFolder,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
  })
  return outputFiles.map(({ text }) => text).join('')
}

/** Whole or not at all: somebody may read the file, or write the same, at this moment. */
async function write(path: string, text: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => null)) === text) return
  const part = resolve(partFolder, `${process.pid}.part`)
  await mkdir(partFolder, { recursive: true })
  await writeFile(part, text)
  await rename(part, path)
}

if (import.meta.main) await makeAssets()
