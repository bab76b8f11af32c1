import { expect, test } from 'vitest';
import { changedSymbols } from '../../../src/testgen/source/changed-symbols.ts';
import { declarationsOf } from '../../../src/testgen/source/declarations.ts';
import { dependentsOf, importGraph, reversed } from '../../../src/testgen/source/imports.ts';
import { isTestFile, type Language } from '../../../src/testgen/source/language.ts';

/** `kind name first-last`, with `+` where it can be seen from outside. */
function told(text: string, language: Language): readonly string[] {
  return declarationsOf(text, language).map(
    ({ kind, name, line, end_line: end, is_exported: seen }) =>
      `${kind} ${name} ${line}-${end}${seen ? ' +' : ''}`,
  );
}

test('declarations of TypeScript', () => {
  const text = `import x from './x';
/** function no() {} */
export async function load<T>(path: string): Promise<T> {
  const inner = () => "}";
  return inner() as T;
}
const pattern = /[{"]/g;
export const add = (a: number, b: number): number =>
  a + b;
const LIMIT = {
  most: 3,
};
export abstract class Queue<T> extends Base {
  #size = 0;
  constructor(private readonly items: T[]) {
    super();
  }
  get size(): number {
    if (this.#size) { return 1; }
    return this.#size;
  }
  async pop(): Promise<T> { return one(); }
  private hide() {
  }
}
export interface Shape { a: string }
type Side = 'a' | 'b';
export enum Colour { red }
function last() {}
export { LIMIT, last as final };
`;
  expect(told(text, 'typescript')).toEqual(
    [
      'function load 3-6 +',
      'constant pattern 7-7',
      'function add 8-9 +',
      'constant LIMIT 10-12 +',
      'class Queue 13-24 +',
      'method Queue.constructor 15-17 +',
      'method Queue.size 18-21 +',
      'method Queue.pop 22-22 +',
      'method Queue.hide 23-24',
      'type Shape 26-26 +',
      'type Side 27-27',
      'type Colour 28-28 +',
      'function last 29-29 +',
    ].map((line) => line.replace('Queue 13-24', 'Queue 13-25').replace('hide 23-24', 'hide 23-24')),
  );
});

test('declarations of CommonJS', () => {
  const text = `'use strict';
function tiny(a) {
  return \`\${a} {\`;
}
tiny.prototype.push = function (x) {
};
exports.twice = (a) => a * 2;
module.exports = tiny;
`;
  expect(told(text, 'javascript')).toEqual([
    'function tiny 2-4 +',
    'method tiny.push 5-6 +',
    'function twice 7-7 +',
  ]);
});

test('declarations of Python', () => {
  const text = `"""def no(): pass"""
import os

LIMIT = 3

@cached
def load(
    path,
):
    def inner():
        return 1
    return inner()


class Queue(Base):
    """def no2(self): pass"""

    def __init__(self):
        self.size = 0

    async def pop(self):
        return {
    'a': 1}


def _hidden(): return 1
`;
  expect(told(text, 'python')).toEqual([
    'constant LIMIT 4-4 +',
    'function load 7-12 +',
    'class Queue 15-23 +',
    'method Queue.__init__ 18-19',
    'method Queue.pop 21-23 +',
    'function _hidden 26-26',
  ]);
});

test('declarations of Go and Java', () => {
  const go = `package shop

// func no() {}
type Cart struct {
	items []string
}

func (c *Cart) Add(item string) error {
	return nil
}

func total(c Cart) int { return 0 }

const Limit = 3
`;
  expect(told(go, 'go')).toEqual([
    'type Cart 4-6 +',
    'method Cart.Add 8-10 +',
    'function total 12-12',
    'constant Limit 14-14 +',
  ]);
  const java = `package shop;
public class Cart {
    private int size = max(1, 2);
    public Cart(int size) {
        this.size = size;
    }
    @Override
    public List<String> items(int from, int to)
            throws IOException {
        if (from > to) { return null; }
        return list(from);
    }
    private void hide() { }
}
`;
  expect(told(java, 'java')).toEqual([
    'class Cart 2-14 +',
    'method Cart.Cart 4-6 +',
    'method Cart.items 8-12 +',
    'method Cart.hide 13-13',
  ]);
});

test('what changed is told by declaration; comments and spacing are no change', () => {
  const old =
    'export function a() {\n  return 1;\n}\nfunction gone() {}\nclass C {\n  x() { return 1; }\n  y() { return 1; }\n}\n';
  const now =
    '// new\nexport function a() {\n    return 1; // one\n}\nclass C {\n  x() { return 2; }\n  y() { return 1; }\n}\nconst b = 1;\n';
  const changes = changedSymbols(old, now, 'javascript').map(({ name, change }) => `${name} ${change}`);
  expect(changes).toEqual(['C.x modified', 'b added', 'gone deleted']);
  expect(changedSymbols(undefined, old, 'javascript').map(({ name }) => name)).toEqual([
    'a',
    'gone',
    'C',
    'C.x',
    'C.y',
  ]);
  expect(changedSymbols(old, old, 'javascript')).toEqual([]);
});

test('a text that no compiler would take is read without an end or an error', () => {
  const odd = [
    '`',
    '"'.repeat(5),
    'class {',
    '}}}}',
    '/*',
    "'''",
    `export const x = ${'('.repeat(500)}`,
    '/'.repeat(3000),
    'a'.repeat(100_000),
  ];
  for (const text of odd) {
    for (const language of ['typescript', 'python', 'go', 'java'] as const) {
      expect(Array.isArray(declarationsOf(text, language))).toBe(true);
    }
  }
});

test('imports are followed inside the project, as each language writes them', () => {
  const files = {
    'src/a.ts':
      "import { b } from './b.js';\nexport * from './lib';\nconst c = await import('../c.mjs'); // from './no.ts'\nimport 'react';",
    'src/b.ts': "import type { A } from './a.ts'; const d = require('./d');",
    'src/d.js': '',
    'src/lib/index.ts': '',
    'c.mjs': '',
    'pkg/__init__.py': '',
    'pkg/one.py': 'from . import two\nfrom .three import (x,\n  y)\nimport os, pkg',
    'pkg/two.py': 'from pkg.three import x',
    'pkg/three.py': '"""import pkg.one"""',
    'shop/cart.go': 'package shop\nimport (\n\t"fmt"\n\t"example.org/m/money"\n)',
    'shop/cart_test.go': 'package shop',
    'money/sum.go': 'package money',
    'src/main/java/shop/Cart.java': 'package shop;\nimport money.Sum;\nclass Cart { }',
    'src/test/java/shop/CartTest.java': 'package shop;\nclass CartTest { Cart cart; }',
    'src/main/java/money/Sum.java': 'package money;\npublic class Sum { }',
  };
  const graph = importGraph(
    Object.entries(files).map(([path, text]) => ({ path, text })),
    'example.org/m',
  );
  const from = (file: string): readonly string[] => [...(graph.get(file) ?? [])].toSorted();
  expect(from('src/a.ts')).toEqual(['c.mjs', 'src/b.ts', 'src/lib/index.ts']);
  expect(from('src/b.ts')).toEqual(['src/a.ts', 'src/d.js']);
  expect(from('pkg/one.py')).toEqual(['pkg/__init__.py', 'pkg/three.py', 'pkg/two.py']);
  expect(from('pkg/two.py')).toEqual(['pkg/three.py']);
  expect(from('pkg/three.py')).toEqual([]);
  expect(from('shop/cart.go')).toEqual(['money/sum.go']);
  expect(from('shop/cart_test.go')).toEqual(['shop/cart.go']);
  expect(from('src/main/java/shop/Cart.java')).toEqual(['src/main/java/money/Sum.java']);
  expect(from('src/test/java/shop/CartTest.java')).toEqual(['src/main/java/shop/Cart.java']);
  expect(dependentsOf('src/d.js', reversed(graph))).toEqual(['src/b.ts', 'src/a.ts']);
});

test.each([
  ['test.js', true],
  ['src/a.spec.tsx', true],
  ['src/__tests__/a.ts', true],
  ['src/latest.ts', false],
  ['tests/test_a.py', true],
  ['contest.py', false],
  ['a_test.go', true],
  ['src/test/java/A.java', true],
  ['src/main/java/Contest.java', false],
  ['README.md', false],
])('%s is a test: %s', (file, isTest) => {
  expect(isTestFile(file)).toBe(isTest);
});
