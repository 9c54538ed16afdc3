/** A bootstrap that has the word in it, perhaps in a comment: reading a large one just to find out takes its time. */
export function asksForPlugins(text: string): boolean {
  return text.includes('mosn.extensions.bootstrap.plugins.v1.Plugins');
}
