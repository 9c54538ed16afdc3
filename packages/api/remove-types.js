// Replaces each generated TypeScript file in the folder of the first argument by JavaScript without types and comments.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
for (const name of readdirSync(folder, { recursive: true }).map(String)) {
  if (!name.endsWith('_pb.ts')) continue;
  const file = join(folder, name);
  const stripped = stripTypeScriptTypes(readFileSync(file, 'utf8'));
  // No text in these files has a comment's beginning in it: they are names and base64.
  const code = stripped
    .replace(/\/\*\*[\s\S]*?\*\//g, '')
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{2,}/g, '\n');
  writeFileSync(file.replace(/\.ts$/, '.js'), code);
  rmSync(file);
}
