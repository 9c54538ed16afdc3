/** One plug-in that a bootstrap asks for: plain data (and a compiled module), because every worker thread loads it too. */
export type PluginSource = ModuleSource | PackageSource | WasmSource | DeclarativeSource;

interface Named {
  /** Field of the bootstrap, for errors. */
  readonly where: string;
  /** What stands there: a path, or the name of a package. */
  readonly label: string;
}

/** A module by its file. */
export interface ModuleSource extends Named {
  readonly kind: 'module';
  readonly url: string;
  readonly config: unknown;
}

/** A package by its name, found in `node_modules` as from `folder`. */
export interface PackageSource extends Named {
  readonly kind: 'package';
  readonly name: string;
  readonly folder: string;
  readonly config: unknown;
}

/** A protocol whose frames a WebAssembly module reads. */
export interface WasmSource extends Named {
  readonly kind: 'wasm';
  readonly name: string;
  /** Compiled, its memory limited. */
  readonly module: object;
  readonly headBytes: number;
  readonly exclusive: boolean;
}

/** A protocol whose frames are described. */
export interface DeclarativeSource extends Named {
  readonly kind: 'declarative';
  readonly spec: unknown;
}
