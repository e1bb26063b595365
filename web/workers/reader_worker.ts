import { readerApi } from './reader.ts';
import { answerCalls } from './rpc.ts';

answerCalls(readerApi);
