// Stands in the bundle for zod's messages in fifty languages, a third of all that would be uploaded ([alias] in
// wrangler.toml). Ours are English, which zod loads apart from them.
export const languages: readonly string[] = []
