// Jest cannot `require` ESM: it has to get the CommonJS build.
const { takeLocks } = require('./app.js');

it('takes locks under jest', () => takeLocks({ store: 'memory' }));
