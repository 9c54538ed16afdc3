import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackDecoder } from './decoder.ts';
import { huffmanLength, writeHuffman } from './huffman-encode.ts';

/** RFC 7541, appendix C: blocks of one connection each, what they say, and the size of the table after each. */
interface Example {
  readonly section: string;
  readonly tableBytesMax: number;
  readonly blocks: readonly { hex: string; fields: string; tableBytes: number }[];
}

const firstRequest = ':method=GET :scheme=http :path=/ :authority=www.example.com';
const secondRequest = `${firstRequest} cache-control=no-cache`;
const thirdRequest = ':method=GET :scheme=https :path=/index.html :authority=www.example.com custom-key=custom-value';
const rest = 'cache-control=private date=Mon,_21_Oct_2013_20:13:21_GMT location=https://www.example.com';
const laterRest = rest.replace(':21_', ':22_');
const cookie = 'set-cookie=foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU;_max-age=3600;_version=1';

const examples: readonly Example[] = [
  {
    section: 'C.2.1',
    tableBytesMax: 4096,
    blocks: [
      {
        hex: '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
        fields: 'custom-key=custom-header',
        tableBytes: 55,
      },
    ],
  },
  {
    section: 'C.2.2',
    tableBytesMax: 4096,
    blocks: [{ hex: '040c 2f73 616d 706c 652f 7061 7468', fields: ':path=/sample/path', tableBytes: 0 }],
  },
  {
    section: 'C.2.3',
    tableBytesMax: 4096,
    blocks: [{ hex: '1008 7061 7373 776f 7264 0673 6563 7265 74', fields: 'password=secret!', tableBytes: 0 }],
  },
  { section: 'C.2.4', tableBytesMax: 4096, blocks: [{ hex: '82', fields: ':method=GET', tableBytes: 0 }] },
  {
    section: 'C.3',
    tableBytesMax: 4096,
    blocks: [
      { hex: '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', fields: firstRequest, tableBytes: 57 },
      { hex: '8286 84be 5808 6e6f 2d63 6163 6865', fields: secondRequest, tableBytes: 110 },
      {
        hex: '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
        fields: thirdRequest,
        tableBytes: 164,
      },
    ],
  },
  {
    section: 'C.4',
    tableBytesMax: 4096,
    blocks: [
      { hex: '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', fields: firstRequest, tableBytes: 57 },
      { hex: '8286 84be 5886 a8eb 1064 9cbf', fields: secondRequest, tableBytes: 110 },
      { hex: '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf', fields: thirdRequest, tableBytes: 164 },
    ],
  },
  {
    section: 'C.5',
    tableBytesMax: 256,
    blocks: [
      {
        hex: `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120
          474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
        fields: `:status=302 ${rest}`,
        tableBytes: 222,
      },
      { hex: '4803 3330 37c1 c0bf', fields: `:status=307 ${rest}`, tableBytes: 222 },
      {
        hex: `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738
          666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33
          3630 303b 2076 6572 7369 6f6e 3d31`,
        fields: `:status=200 ${laterRest} content-encoding=gzip ${cookie}`,
        tableBytes: 215,
      },
    ],
  },
  {
    section: 'C.6',
    tableBytesMax: 256,
    blocks: [
      {
        hex: `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718
          63c7 8f0b 97c8 e9ae 82ae 43d3`,
        fields: `:status=302 ${rest}`,
        tableBytes: 222,
      },
      { hex: '4883 640e ffc1 c0bf', fields: `:status=307 ${rest}`, tableBytes: 222 },
      {
        hex: `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7
          b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
        fields: `:status=200 ${laterRest} content-encoding=gzip ${cookie}`,
        tableBytes: 215,
      },
    ],
  },
];

for (const { section, tableBytesMax, blocks } of examples) {
  test(`RFC 7541 ${section}: blocks are read as the appendix says`, () => {
    const decoder = new HpackDecoder({ tableBytesMax });
    for (const { hex, fields, tableBytes } of blocks) {
      const read: string[] = [];
      const sink = {
        field: (name: string, value: string, sensitive: boolean) =>
          read.push(`${name}=${value.replaceAll(' ', '_')}${sensitive ? '!' : ''}`),
      };
      decoder.decode(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'), sink);
      assert.equal(read.join(' '), fields);
      assert.equal(decoder.tableBytes, tableBytes);
    }
  });
}

test('RFC 7541 C.4 and C.6: texts are packed as the appendix says', () => {
  const samples = {
    'www.example.com': 'f1e3c2e5f23a6ba0ab90f4ff',
    'no-cache': 'a8eb10649cbf',
    'custom-value': '25a849e95bb8e8b4bf',
    '307': '640eff',
    'Mon, 21 Oct 2013 20:13:21 GMT': 'd07abe941054d444a8200595040b8166e082a62d1bff',
    'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1':
      '94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
  };
  for (const [text, hex] of Object.entries(samples)) {
    const bytes = Buffer.alloc(text.length);
    assert.equal(huffmanLength(text), hex.length / 2);
    assert.equal(bytes.subarray(0, writeHuffman(text, bytes, 0)).toString('hex'), hex);
  }
});
