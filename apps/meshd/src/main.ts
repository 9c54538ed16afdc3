import { readCommandLine } from './argv.ts';

// Help, the version and wrong arguments are told before all that a control plane consists of is loaded.
const options = readCommandLine(process.argv);
if (options !== undefined) {
  const { runProgram } = await import('./program.ts');
  await runProgram(options);
}
