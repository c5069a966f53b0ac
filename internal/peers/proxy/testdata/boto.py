"""Runs the operations of go/main.go on S3 by boto3: boto.py ENDPOINT BUCKET KEYS"""

import base64
import hashlib
import io
import os
import random
import sys

import boto3
import boto3.s3.transfer
import botocore.config

endpoint, bucket, keys = sys.argv[1], sys.argv[2], int(sys.argv[3])
c = boto3.client("s3", endpoint_url=endpoint, config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}))
small, large = b"hello, world", os.urandom((11 << 20) + 1)


def get(key, want, **more):
    got = c.get_object(Bucket=bucket, Key=key, **more)["Body"].read()
    assert got == want, f"{len(got)} bytes, want {len(want)} others"


def create():
    c.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_REGION"]})


def head():
    assert c.head_object(Bucket=bucket, Key="small")["ContentLength"] == len(small)


def metadata():
    c.put_object(Bucket=bucket, Key="meta", Body=small, Metadata={"order": "1042  and more"})
    assert c.head_object(Bucket=bucket, Key="meta")["Metadata"]["order"] == "1042  and more"


def copy():
    c.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "small"})
    get("copy", small)


def tagging():
    c.put_object_tagging(Bucket=bucket, Key="small", Tagging={"TagSet": [{"Key": "a", "Value": "b c"}]})
    assert c.get_object_tagging(Bucket=bucket, Key="small")["TagSet"][0]["Value"] == "b c"


def whole():
    c.put_object(Bucket=bucket, Key="large", Body=large)
    get("large", large)


def multipart():
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    c.upload_fileobj(io.BytesIO(large), bucket, "multipart", Config=config)
    get("multipart", large)


def listing():
    assert len(c.list_objects_v2(Bucket=bucket, Prefix="m", Delimiter="/")["Contents"]) == 3


def odd():
    alphabet = "abcXYZ019 -_.!~*'()&$@=;:+,?#[]%\"<>^`{|}äöß€日本語🙂"
    for i in range(keys):
        key = f"keys/{i}/x" + "".join(random.choice(alphabet) for _ in range(random.randint(1, 24))) + "x"
        c.put_object(Bucket=bucket, Key=key, Body=key.encode())
        get(key, key.encode())


def delete():
    out = c.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "small"}, {"Key": "copy"}]})
    assert len(out["Deleted"]) == 2, out


for name, do in [
    ("create bucket", create),
    ("put", lambda: c.put_object(Bucket=bucket, Key="small", Body=small)),
    ("get", lambda: get("small", small)),
    ("range", lambda: get("small", small[2:5], Range="bytes=2-4")),
    ("head", head),
    ("metadata", metadata),
    ("copy", copy),
    ("tagging", tagging),
    ("content-md5", lambda: c.put_object(Bucket=bucket, Key="md5", Body=small, ContentMD5=base64.b64encode(hashlib.md5(small).digest()).decode())),
    ("large", whole),
    ("multipart of a stream", multipart),
    ("list", listing),
    ("odd keys", odd),
    ("delete many", delete),
]:
    try:
        do()
        print("ok", name)
    except Exception as e:  # whatever it is, try the others as well
        print(f"FAIL {name}: {type(e).__name__} {e}")
