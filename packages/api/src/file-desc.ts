import type { DescFile } from '@bufbuild/protobuf';
import { fileDesc as buildFileDesc } from '@bufbuild/protobuf/codegenv2';

/**
 * What generated files use in place of the library's `fileDesc`. That one registers the types of all direct and indirect
 * imports anew for every file, which for Envoy's API is most of what loading it costs. A file names types of its direct
 * imports only, so the walk ends at those: each import is shown to the library as a file without dependencies.
 */
export function fileDesc(encoded: string, imports?: readonly DescFile[]): DescFile {
  return buildFileDesc(encoded, imports?.map(withoutDependencies));
}

function withoutDependencies(file: DescFile): DescFile {
  return Object.create(file, { dependencies: { value: [] } });
}
