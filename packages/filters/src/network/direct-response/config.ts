import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import type { DataSource } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { ConfigSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/direct_response/v3/config_pb';
import { messageOf } from '@sofamesh/base/errors';
import { FieldError } from '@sofamesh/base/field-error';
import type { NetworkFilterReader } from '@sofamesh/contract/network-filter';
import type { DirectResponseConfig } from './direct-response.ts';

/** Reads `envoy.extensions.filters.network.direct_response.v3.Config`; a file is read once. */
export const reader: NetworkFilterReader<DirectResponseConfig> = {
  name: 'envoy.filters.network.direct_response',
  terminal: true,
  schemas: [ConfigSchema],
  read(_typeName, value) {
    return { response: bytesOf(fromBinary(ConfigSchema, value).response) };
  },
};

function bytesOf(source: DataSource | undefined): Uint8Array {
  switch (source?.specifier.case) {
    case undefined:
      return new Uint8Array();
    case 'inlineBytes':
      return source.specifier.value;
    case 'inlineString':
      return new TextEncoder().encode(source.specifier.value);
    case 'environmentVariable': {
      const { value: name } = source.specifier;
      const text = process.env[name];
      if (text === undefined) throw new FieldError('response.environment_variable', name, 'is not set');
      return new TextEncoder().encode(text);
    }
    case 'filename': {
      const { value: file } = source.specifier;
      try {
        return new Uint8Array(readFileSync(file));
      } catch (thrown) {
        throw new FieldError('response.filename', file, messageOf(thrown), { cause: thrown });
      }
    }
  }
}
