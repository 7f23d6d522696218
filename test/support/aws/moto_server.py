"""moto with the faults mended that would let a test pass for the wrong reason. Says `listening PORT` on its standard output.

Each mend names what moto 5.2.5 does and what the real service does. What is not mended here the fake provider and the proxy make up for.
"""
import copy
import sys
import threading

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.elastic_network_interfaces import NetworkInterfaceBackend
from moto.ec2.models.instances import Instance, InstanceBackend
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.ec2.models.subnets import SubnetBackend
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix
from moto.kms.responses import KmsResponse
from moto.kms.utils import ECDSAPrivateKey
from moto.s3.responses import S3Response


def is_dead(instance):
    return instance._state.name == "terminated"


def mend_tags():
    """moto scans every tag ever set for each read, so time grows with the square of lives."""

    def get_tags(self):
        kind = EC2_PREFIX_TO_RESOURCE.get(get_prefix(self.id), "") if self.id else ""
        tags = list(self.ec2_backend.tags.get(self.id, {}).items())
        return [{"resource_id": self.id, "key": k, "value": v, "resource_type": kind} for k, v in tags]

    TaggedEC2Resource.get_tags = get_tags


def mend_endings():
    """moto fails the second termination and aborts its batch, keeps the tags of what went, and revives the dead; EC2 does none of it."""
    terminate_once, start, stop = Instance.terminate, Instance.start, Instance.stop

    def terminate(self):
        if is_dead(self):
            return copy.copy(self._state)
        going = [nic.id for nic in self.nics.values() if nic.delete_on_termination]
        going += [b.volume_id for _, b in self.get_block_device_mapping if b.delete_on_termination]
        previous = terminate_once(self)
        for nic in list(self.nics.values()):
            if not nic.delete_on_termination:
                nic.instance = nic.attachment_id = nic.attach_time = None
                nic.status = "available"
        for resource_id in going:
            self.ec2_backend.tags.pop(resource_id, None)
        return previous

    def only_alive(change):
        def guarded(self):
            if is_dead(self):
                raise EC2ClientError("IncorrectInstanceState", f"The instance '{self.id}' is not in a state from which it can be changed.")
            return change(self)

        return guarded

    Instance.terminate, Instance.start, Instance.stop = terminate, only_alive(start), only_alive(stop)


def mend_launches():
    """moto drops the interface's tags, invents a security group it does not know, and takes an interface that is in use."""
    launch = InstanceBackend.run_instances

    def run_instances(self, image_id, count, user_data, security_group_names, **kw):
        nics = kw.get("nics") or []
        for nic in nics:
            check_interface(self, nic)
        explicit = {int(nic.get("DeviceIndex", 0)): nic.get("DeleteOnTermination") for nic in nics}
        given = {nic.get("NetworkInterfaceId") for nic in nics}
        reservation = launch(self, image_id, count, user_data, security_group_names, **kw)
        for instance in reservation.instances:
            for index, nic in instance.nics.items():
                if explicit.get(index) is None:
                    nic.delete_on_termination = nic.id not in given
                nic.add_tags((kw.get("tags") or {}).get("network-interface", {}))
        return reservation

    InstanceBackend.run_instances = run_instances


def check_interface(backend, nic):
    for group in nic.get("Groups") or []:
        if not backend.get_security_group_from_id(group):
            raise EC2ClientError("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
    interface_id = nic.get("NetworkInterfaceId")
    if interface_id is None:
        return
    interface = backend.enis.get(interface_id)
    if interface is None:
        raise EC2ClientError("InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{interface_id}' does not exist")
    if interface.instance is not None and not is_dead(interface.instance):
        raise EC2ClientError("InvalidNetworkInterface.InUse", f"Interface: [{interface_id}] in use.")


def mend_deletions():
    """moto deletes a security group, an interface and a subnet under whoever uses it; EC2 refuses."""
    delete_group = SecurityGroupBackend.delete_security_group
    delete_interface = NetworkInterfaceBackend.delete_network_interface
    delete_subnet = SubnetBackend.delete_subnet

    def delete_security_group(self, name=None, group_id=None):
        if group_id:
            others = [g for groups in list(self.groups.values()) for g in list(groups.values()) if g.id != group_id]
            used = any(g.id == group_id for nic in list(self.enis.values()) for g in nic.group_set)
            rules = [rule for g in others for rule in g.ingress_rules + g.egress_rules]
            if used or any(rule.source_group.get("GroupId") == group_id for rule in rules):
                raise DependencyViolationError(f"resource {group_id} has a dependent object")
        deleted = delete_group(self, name=name, group_id=group_id)
        self.tags.pop(group_id, None)
        return deleted

    def delete_network_interface(self, eni_id):
        nic = self.enis.get(eni_id)
        by_hand = sys._getframe(1).f_code.co_name != "delete"
        if by_hand and nic is not None and nic.instance is not None and not is_dead(nic.instance):
            raise EC2ClientError("InvalidNetworkInterface.InUse", f"Network interface '{eni_id}' is currently in use.")
        deleted = delete_interface(self, eni_id)
        self.tags.pop(eni_id, None)
        return deleted

    def delete_used_subnet(self, subnet_id):
        if any(nic.subnet.id == subnet_id for nic in list(self.enis.values())):
            raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
        return delete_subnet(self, subnet_id)

    SecurityGroupBackend.delete_security_group = delete_security_group
    NetworkInterfaceBackend.delete_network_interface = delete_network_interface
    SubnetBackend.delete_subnet = delete_used_subnet


def mend_retention():
    """moto answers GetObjectRetention with the object's bytes."""
    respond = S3Response._key_response_get

    def key_get(self, query, key_name):
        if "retention" not in query:
            return respond(self, query, key_name)
        key, _ = self._get_key()
        headers = {"content-type": "application/xml"}
        if not key.lock_mode:
            return 404, headers, "<Error><Code>NoSuchObjectLockConfiguration</Code><Message>none</Message></Error>"
        body = f"<Retention><Mode>{key.lock_mode}</Mode><RetainUntilDate>{key.lock_until}</RetainUntilDate></Retention>"
        return 200, headers, body

    S3Response._key_response_get = key_get


def mend_images():
    """moto keeps an image's name and nothing else: no tags, a snapshot of its own making; and takes the same name twice."""
    responses_register = AmisResponse.register_image

    def register_image(self):
        name, backend = self._get_param("Name"), self.ec2_backend
        if any(ami.name == name and ami.owner_id == backend.account_id for ami in backend.amis.values()):
            raise EC2ClientError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI")
        result = responses_register(self)
        ami = backend.amis[[key for key, ami in backend.amis.items() if ami.name == name][0]]
        for spec in self._get_param("TagSpecifications", []):
            if spec["ResourceType"] == "image":
                ami.add_tags({tag["Key"]: tag["Value"] for tag in spec["Tags"]})
        ami.root_device_name = self._get_param("RootDeviceName", ami.root_device_name)
        for device in self._get_param("BlockDeviceMappings", []):
            snapshot = backend.snapshots.get(device.get("Ebs", {}).get("SnapshotId"))
            if snapshot is None:
                raise EC2ClientError("InvalidSnapshot.NotFound", "The snapshot does not exist.")
            backend.snapshots.pop(ami.ebs_snapshot.id, None)
            ami.ebs_snapshot, snapshot.from_ami = snapshot, ami.id
        return result

    AmisResponse.register_image = register_image


def mend_digests():
    """moto hashes a digest once more before it signs it; KMS signs it as it is."""
    respond, sign_message = KmsResponse.sign, ECDSAPrivateKey.sign
    request = threading.local()

    def sign(self):
        request.is_digest = self._get_param("MessageType") == "DIGEST"
        return respond(self)

    def sign_digest(self, message, signing_algorithm):
        if not request.is_digest:
            return sign_message(self, message, signing_algorithm)
        return self.private_key.sign(message, ec.ECDSA(Prehashed(hashes.SHA256())))

    KmsResponse.sign, ECDSAPrivateKey.sign = sign, sign_digest


def serve():
    import logging

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    print(f"listening {server.port}", flush=True)
    server.serve_forever()


for mend in (mend_tags, mend_endings, mend_launches, mend_deletions, mend_retention, mend_images, mend_digests):
    mend()
serve()
