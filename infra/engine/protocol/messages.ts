/**
 * Pulumi's generated protocol code, imported once. It is CommonJS without static exports, so Node sees only its default
 * export; everything else in the engine takes the names from here.
 */
import alias from '@pulumi/pulumi/proto/alias_pb.js';
import engine from '@pulumi/pulumi/proto/engine_pb.js';
import engineRpc from '@pulumi/pulumi/proto/engine_grpc_pb.js';
import events from '@pulumi/pulumi/proto/events_pb.js';
import eventsRpc from '@pulumi/pulumi/proto/events_grpc_pb.js';
import language from '@pulumi/pulumi/proto/language_pb.js';
import languageRpc from '@pulumi/pulumi/proto/language_grpc_pb.js';
import plugin from '@pulumi/pulumi/proto/plugin_pb.js';
import provider from '@pulumi/pulumi/proto/provider_pb.js';
import providerRpc from '@pulumi/pulumi/proto/provider_grpc_pb.js';
import resource from '@pulumi/pulumi/proto/resource_pb.js';
import resourceRpc from '@pulumi/pulumi/proto/resource_grpc_pb.js';
import status from '@pulumi/pulumi/proto/status_pb.js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';
import struct from 'google-protobuf/google/protobuf/struct_pb.js';

export {
  alias,
  engine,
  engineRpc,
  events,
  eventsRpc,
  language,
  languageRpc,
  plugin,
  provider,
  providerRpc,
  resource,
  resourceRpc,
  status,
};

/** google.protobuf.Empty and Struct, which nearly every call needs. */
export const { Empty } = empty;
export const { Struct } = struct;
export type Struct = InstanceType<typeof Struct>;

/** Message size and idle settings the SDK uses on its own ends; both ends must agree or large states fail. */
export const CHANNEL_OPTIONS = {
  'grpc.max_receive_message_length': 419_430_400,
  'grpc.server_max_unrequested_time_in_server': 1800,
} as const;
