// Reports syntax errors in Bicep files. Grammar only: types and API versions are left to the compiler.
//
//   make lint-bicep

const { Parser, Language } = require('web-tree-sitter');
const { readFileSync } = require('node:fs');

async function main(files) {
  await Parser.init();
  const parser = new Parser();
  parser.setLanguage(await Language.load(require.resolve('tree-sitter-bicep/tree-sitter-bicep.wasm')));
  let faults = 0;
  const walk = (file, node) => {
    if (node.isError || node.isMissing) {
      faults++;
      const { row, column } = node.startPosition;
      console.error(`${file}:${row + 1}:${column + 1}: not Bicep`);
    }
    node.children.forEach((child) => walk(file, child));
  };
  for (const file of files) walk(file, parser.parse(readFileSync(file, 'utf8')).rootNode);
  return faults === 0 ? 0 : 1;
}

main(process.argv.slice(2)).then((code) => process.exit(code));
