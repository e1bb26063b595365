import { modelApi } from './model.ts';
import { answerCalls } from './rpc.ts';

answerCalls(modelApi);
